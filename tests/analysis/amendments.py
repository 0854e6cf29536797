"""The example policy, and the edits of it that an analyser has to tell apart, as the files of bundles."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from caveat.policy.bundle import Bundle, parse_bundle
from caveat.policy.clause_text import policy_texts
from caveat.policy.edit import (
    delete_clause,
    keep_authorities,
    permit_rest,
    set_annotation,
    set_grade,
    set_limit,
)
from caveat.store.folder import read_folder

ROOT = Path(__file__).parents[2]
FILES: Mapping[str, bytes] = read_folder(ROOT / "policies" / "government-analytics")
_UNLESS = ' unless { context.deployer_verified && ["none", "advisory"].contains(context.action_effect) }'
_INDISCRIMINATE = (
    '["all_persons", "geofence", "category", "protected_activity", "unknown"]'
    ".contains(context.selection_criteria)"
)
_ACQUIRED = """
[facts.acquired_unlawfully]
type = "bool"
about = "data"
attested_by = ["data_owner"]
severest = true
amend = "provider & customer"
text = "Whether the acquisition broke a law."
"""


def replaced(path: str, *pairs: tuple[str, str]) -> dict[str, bytes]:
    """The example with texts of one file replaced; each must be there."""
    text = FILES[path].decode()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return {**FILES, path: text.encode()}


def without(*clauses: str) -> Mapping[str, bytes]:
    """The example without these clauses."""
    files = FILES
    for clause in clauses:
        files = delete_clause(files, clause).files
    return files


def unlawful_only() -> Mapping[str, bytes]:
    """R1.b with the words "where acquired unlawfully"."""
    head = (
        '["purchased", "bulk_purchased"].contains(context.acquisition_channel) &&\n  context.subjects_juris'
    )
    edited = replaced("clauses/R1.cedar", (head, f"context.acquired_unlawfully && {head}"))
    return {**edited, "facts.toml": FILES["facts.toml"] + _ACQUIRED.encode()}


def as_directive() -> Mapping[str, bytes]:
    """R2 as a directive that the head of the department may change."""
    files = FILES
    for clause in ("R2.a", "R2.b"):
        files = set_annotation(files, clause, "authority", "directive").files
        files = set_annotation(files, clause, "amend", "department_head").files
    return files


def believed() -> Mapping[str, bytes]:
    """Every fact counts when the deployer states it."""
    files = FILES
    for fact, spec in tomllib.loads(FILES["facts.toml"].decode())["facts"].items():
        if spec.get("grade") != "estimated":  # a screen's score is nobody's word
            files = set_grade(files, fact, "claimed").files
    return files


def qualified() -> Mapping[str, bytes]:
    """Every prohibition gains "unless the deployer is verified and the effect is none or advisory"."""
    edited = dict(FILES)
    for path, data in FILES.items():
        if path.startswith("clauses/"):
            texts = policy_texts(data.decode())
            edited[path] = "".join(
                f"{t[: t.rindex(';')]}{_UNLESS}{t[t.rindex(';') :]}" if "forbid (" in t else t for t in texts
            ).encode()
    return edited


def reworded() -> Mapping[str, bytes]:
    """R1.a in other words and another form of the same condition."""
    return replaced(
        "clauses/R1.cedar",
        (
            _INDISCRIMINATE,
            '!["specific_selector", "aggregate_only", "not_applicable"].contains(context.selection_criteria)',
        ),
        (
            "The system is not used to monitor a domestic population:",
            "Nobody watches a domestic population with it:",
        ),
    )


def never_for_clients() -> Mapping[str, bytes]:
    """P07 with "and never for clients of the customer", who are those of its security operations."""
    own = 'context.target_authorization != "owner_authorized"'
    return replaced(
        "clauses/P06-P07-cyber.cedar",
        (f"{own}\n}};", f'({own} || context.deployment_type == "security_operations")\n}};'),
    )


def law_alone() -> Mapping[str, bytes]:
    """The clauses of statute and regulation, and a permit for the rest."""
    return permit_rest(keep_authorities(FILES, ("statute", "regulation")).files).files


AMENDMENTS: Mapping[str, Callable[[], Mapping[str, bytes]]] = {
    "A1": lambda: without("R1.b"),
    "A2": unlawful_only,
    "A3": lambda: set_limit(FILES, "precise_geolocation", 5_000_000).files,
    "A4": as_directive,
    "A5": lambda: without("R2.b"),
    "A6": believed,
    "A7": qualified,
    "A8": reworded,
    "A9": lambda: without("P20"),
    "A10": lambda: without("R1.c"),
    "A11": lambda: without("R2.a"),
    "A12": lambda: without("R2.a", "P04"),
    "A13": never_for_clients,
    "A14": lambda: without("P14"),
}


def bundle(files: Mapping[str, bytes] | None = None) -> Bundle:
    """The bundle in these files; the example itself without any."""
    return parse_bundle(dict(FILES if files is None else files))
