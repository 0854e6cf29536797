"""A bundle taken apart into what can be changed: clauses, limits, facts, issuers, and so on.

Two bundles with equal parts are one law. What people alone read is no part: comments, the order and the
names of files, `release` and the `version` of a file. Everything else is: a key that this module does not
know becomes a `setting`, so that nothing can be changed without being some part. Source: ADR-0019.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TypeAlias, cast

from caveat.policy.bundle import Bundle
from caveat.policy.cedar import parse_policies
from caveat.policy.clause import Clause
from caveat.signing.digest import sha256

Table: TypeAlias = Mapping[str, object]
_FOR_PEOPLE = frozenset({"version", "release"})
_APART = ("facts", "workflows", "observers")


class Kind(StrEnum):
    """What sort of part it is; also the word for it in a finding."""

    CLAUSE = "clause"
    RED_LINE = "red line"
    LIMIT = "limit"
    PROCESS = "process clause"
    FACT = "fact"
    ISSUER = "issuer"
    TRUST = "trust setting"
    TOOL = "tool"
    PHRASES = "phrases"
    SCREEN = "screen"
    UNMEASURED = "unmeasured fact"
    DEPLOYMENT = "deployment"
    REGISTERED = "registered fact"
    WORKFLOW = "workflow"
    OBSERVER = "observer"
    ROLE = "role"
    ACTOR = "actor"
    SETTING = "setting"
    TEXT = "text"


Part: TypeAlias = tuple[Kind, str]


def parts_of(bundle: Bundle) -> dict[Part, str]:
    """The content of every part as text; two parts are equal exactly where their texts are."""
    return dict(
        [
            *_clauses(bundle, Kind.CLAUSE, "clauses/", bundle.written),
            *_clauses(bundle, Kind.RED_LINE, "red_lines/", bundle.red_lines),
            *_manifest(table_of(bundle, "bundle")),
            *_rows(Kind.FACT, section(table_of(bundle, "facts"), "facts")),
            *_rows(Kind.ISSUER, section(table_of(bundle, "trust"), "issuers")),
            *_rows(Kind.TOOL, section(table_of(bundle, "tools"), "tools")),
            *_rows(Kind.PHRASES, section(table_of(bundle, "phrases"), "phrases")),
            *_rows(Kind.SCREEN, section(table_of(bundle, "screens"), "screens")),
            *_rows(Kind.UNMEASURED, section(table_of(bundle, "screens"), "unmeasured")),
            *_deployments(section(table_of(bundle, "deployments"), "deployments")),
            *_others(Kind.TRUST, "", table_of(bundle, "trust"), "issuers"),
            *_others(Kind.SETTING, "facts.", table_of(bundle, "facts"), "facts"),
            *_others(Kind.SETTING, "tools.", table_of(bundle, "tools"), "tools"),
            *_others(Kind.SETTING, "deployments.", table_of(bundle, "deployments"), "deployments"),
            *_others(Kind.SETTING, "phrases.", table_of(bundle, "phrases"), "phrases"),
            *_others(Kind.SETTING, "screens.", table_of(bundle, "screens"), "screens", "unmeasured"),
            *_others(Kind.SETTING, "oversight.", table_of(bundle, "oversight")),
            *(
                ((Kind.TEXT, path), sha256(data))
                for path, data in bundle.files.items()
                if path.endswith(".md")
            ),
        ]
    )


def table_of(bundle: Bundle, name: str) -> Table:
    """The file `NAME.toml` as it is written; empty for one that a bundle may do without."""
    return tomllib.loads(bundle.files.get(f"{name}.toml", b"").decode())


def section(table: Table, name: str) -> Table:
    """A table within a table; empty where there is none."""
    found = table.get(name, {})
    return cast("Table", found) if isinstance(found, Mapping) else {}


def words(table: Table, name: str) -> tuple[str, ...]:
    """A list of words within a table; empty where there is none."""
    found = table.get(name, ())
    return tuple(str(word) for word in cast("list[object]", found)) if isinstance(found, list) else ()


def content(value: object) -> str:
    """One text for each value. As JSON, which keeps `true` from being 1."""
    return json.dumps(value, sort_keys=True, default=repr)


def _clauses(
    bundle: Bundle, kind: Kind, folder: str, clauses: tuple[Clause, ...]
) -> Iterator[tuple[Part, str]]:
    """Each policy with the annotations that hold for it, also those that it takes over from another."""
    policies: dict[str, object] = {}
    for path, data in bundle.files.items():
        if path.startswith(folder):
            for policy in parse_policies(data.decode()):
                policies[str(cast("Table", policy["annotations"])["id"])] = policy
    for clause in clauses:
        taken = [clause.text, clause.authority, clause.source, clause.amend_text]
        yield (kind, clause.id), content([policies[clause.id], taken])


def _rows(kind: Kind, table: Table) -> Iterator[tuple[Part, str]]:
    for name, row in table.items():
        yield (kind, name), content(row)


def _others(kind: Kind, prefix: str, table: Table, *known: str) -> Iterator[tuple[Part, str]]:
    for name, value in table.items():
        if name not in known and name not in _FOR_PEOPLE:
            yield (kind, prefix + name), content(value)


def _manifest(table: Table) -> Iterator[tuple[Part, str]]:
    yield from _rows(Kind.ACTOR, section(table, "actors"))
    yield from _rows(Kind.ROLE, section(table, "roles"))
    yield from _rows(Kind.LIMIT, section(table, "limits"))
    rows: dict[str, list[object]] = {}
    found = table.get("process", [])
    for row in cast("list[Table]", found):
        rows.setdefault(str(row["id"]), []).append(row)
    yield from _rows(Kind.PROCESS, rows)
    yield from _others(Kind.SETTING, "decision.", section(table, "decision"))
    yield from _others(Kind.SETTING, "", table, "actors", "roles", "limits", "process", "decision")


def _deployments(table: Table) -> Iterator[tuple[Part, str]]:
    for name in table:
        deployment = section(table, name)
        plain = {key: value for key, value in deployment.items() if key not in _APART}
        yield (Kind.DEPLOYMENT, name), content(plain)
        for fact, value in section(deployment, "facts").items():
            yield (Kind.REGISTERED, f"{name}/{fact}"), content(value)
        for workflow, value in section(deployment, "workflows").items():
            yield (Kind.WORKFLOW, f"{name}/{workflow}"), content(value)
        for observer in words(deployment, "observers"):
            yield (Kind.OBSERVER, f"{name}/{observer}"), ""
