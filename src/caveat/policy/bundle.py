"""A policy bundle: parsed, linted and validated, or refused with every finding at once.

`parse_bundle` is pure: it takes the files' bytes.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from caveat.facts.fact import Grade
from caveat.facts.registry import Registry, RegistryError, parse_registry
from caveat.policy.amend import is_satisfied, parse_amend
from caveat.policy.callers import Registrations, caller_findings
from caveat.policy.cedar import (
    CedarTextError,
    Engine,
    build_engine,
    parse_policies,
    put_in_limits,
    validation_findings,
)
from caveat.policy.clause import Clause, parse_clauses
from caveat.policy.deployments import Deployment, parse_deployments
from caveat.policy.identity import Identity, parse_identity
from caveat.policy.lint import Lint, lint
from caveat.policy.manifest import Manifest, parse_manifest
from caveat.policy.oversight import Oversight, parse_oversight
from caveat.policy.phrases import Phrases, parse_phrases
from caveat.policy.redaction import unknown_lists
from caveat.policy.schema import cedar_schema
from caveat.policy.screens import COMPARED, Screens, harmless_failures, parse_screens
from caveat.policy.signatures import verify_adoptions
from caveat.policy.tools import Tool, parse_tools, unknown_tools
from caveat.policy.translate import Translator
from caveat.signing.canonical import Json, JsonObject, canonical
from caveat.signing.digest import Digest, sha256

_FILE = re.compile(
    r"(bundle|facts|trust|tools|deployments|phrases|oversight|screens)\.toml\Z"
    r"|(clauses|red_lines)/[A-Za-z0-9._-]+\.cedar\Z"
    r"|signatures/[A-Za-z0-9._-]+\.dsse\.json\Z"
    r"|[A-Za-z0-9._-]+\.md\Z"
)


class BundleError(ValueError):
    """The bundle does not load. `findings`: every reason, one line each."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        """`findings`: not empty."""
        first, *others = findings
        super().__init__(f"{first} (and {len(others)} more)" if others else first)
        self.findings = findings


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """What `decide` needs of a bundle, and nothing that could change under it."""

    registry: Registry
    clauses: tuple[Clause, ...]
    roles: tuple[str, ...]
    mechanisms: Mapping[str, str]
    step_budget: int
    interval_role: str | None
    engine: Engine


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A well-formed bundle. `digest` covers every file but the signatures.

    `redactions` are the clauses that replace content and take no part in a verdict; `clauses` are all others.
    `unsigned`: what lacks the consent it asks for. `unsafe`: what silence or a screen could open. With
    either it is a draft, which may be checked, decided upon and analysed, and is never served.
    """

    manifest: Manifest
    digest: Digest
    files: Mapping[str, bytes]
    registry: Registry
    clauses: tuple[Clause, ...]
    redactions: tuple[Clause, ...]
    red_lines: tuple[Clause, ...]
    deployments: Mapping[str, Deployment]
    tools: Mapping[str, Tool]
    identity: Identity
    registrations: Registrations
    phrases: Phrases
    screens: Screens
    oversight: Oversight
    policy: Policy
    signers: frozenset[str]
    unsigned: tuple[str, ...]
    unsafe: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def written(self) -> tuple[Clause, ...]:
        """Everything under `clauses/`: what decides, and what replaces."""
        return (*self.clauses, *self.redactions)

    @property
    def unread(self) -> Mapping[str, int]:
        """Of each estimated fact that something gives, the score of a use with nothing to read."""
        read = {*self.phrases.facts, *self.screens.measured, COMPARED} & self.registry.facts.keys()
        given = {fact: self.registry.facts[fact].lo for fact in sorted(read)}
        return given | dict(self.screens.unmeasured)

    @property
    def typed_text_max_bytes(self) -> int:
        """How many bytes of a request may be typed words; what exceeds them is unattested data."""
        return self.manifest.typed_text_max_bytes


def bundle_digest(files: Mapping[str, bytes]) -> Digest:
    """The digest of the canonical manifest of all files except `signatures/`."""
    manifest = {path: sha256(data) for path, data in files.items() if not path.startswith("signatures/")}
    return sha256(canonical(manifest))


def parse_bundle(files: Mapping[str, bytes]) -> Bundle:
    """The bundle in these files (POSIX paths relative to its folder); raises `BundleError`."""
    findings = [
        f"file `{path}` does not belong into a bundle" for path in sorted(files) if not _FILE.match(path)
    ]
    tables = {name: _table(files, f"{name}.toml", findings) for name in _TABLES}
    manifest, wrong = parse_manifest(tables["bundle"])
    findings.extend(wrong)
    registry = _registry(tables["facts"], findings)
    if manifest is None or registry is None or findings:
        raise BundleError(tuple(findings) or ("the bundle is empty",))
    limits = {name: limit.value for name, limit in manifest.limits.items()}
    translator = Translator(registry, limits)
    policies, written = _clauses(files, "clauses/", translator, findings)
    clauses, redactions = _told_apart(written)
    _, red_lines = _clauses(files, "red_lines/", translator, findings)
    deployments, wrong = parse_deployments(_section(tables["deployments"], "deployments"), registry)
    findings.extend(wrong)
    identity, wrong = parse_identity(_section(tables["deployments"], "identity"))
    findings.extend(wrong)
    tools, wrong = parse_tools(tables["tools"], registry)
    findings.extend(wrong)
    findings.extend(unknown_tools({name: each.tools for name, each in deployments.items()}, tools))
    phrases, wrong = parse_phrases(_optional(files, "phrases.toml", findings), registry)
    findings.extend(wrong)
    findings.extend(unknown_lists(((one.id, one.redacts) for one in redactions), phrases))
    screens, wrong = parse_screens(_optional(files, "screens.toml", findings), registry)
    findings.extend(wrong)
    findings.extend(
        f"unmeasured `{fact}`: a list of phrases gives it a score; take one of the two out"
        for fact in sorted(phrases.facts & screens.unmeasured.keys())
    )
    persons = {name: role.persons for name, role in manifest.roles.items()}
    oversight, wrong = parse_oversight(_optional(files, "oversight.toml", findings), persons)
    findings.extend(wrong)
    callers = {name: deployment.callers for name, deployment in deployments.items()}
    findings.extend(caller_findings(callers, identity))
    findings.extend(_validation(files, cedar_schema(registry, limits)))
    found = Lint([], [], [])
    if not findings:
        found = lint(manifest, registry, clauses, red_lines, redactions)
        findings.extend(found.problems)
    if findings:
        raise BundleError(tuple(findings))
    digest = bundle_digest(files)
    signers, unusable = verify_adoptions(files, manifest.name, digest, manifest.actors)
    return Bundle(
        manifest=manifest,
        digest=digest,
        files=MappingProxyType(dict(files)),
        registry=registry,
        clauses=clauses,
        redactions=redactions,
        red_lines=red_lines,
        deployments=deployments,
        tools=tools,
        identity=identity,
        registrations=Registrations(MappingProxyType(callers)),
        phrases=phrases,
        screens=screens,
        oversight=oversight,
        policy=_policy(manifest, registry, clauses, _without(policies, redactions), limits),
        signers=signers,
        unsigned=_unsigned(manifest, registry, written, signers),
        unsafe=(
            *found.unsafe,
            *_neutral_scores(registry, phrases.facts | screens.facts),
            *harmless_failures(screens, clauses),
        ),
        notes=(*found.notes, *unusable),
    )


_TABLES = ("bundle", "facts", "trust", "tools", "deployments")


def _table(files: Mapping[str, bytes], path: str, findings: list[str]) -> dict[str, object]:
    if path not in files:
        findings.append(f"`{path}` is missing")
        return {}
    try:
        return tomllib.loads(files[path].decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        findings.append(f"`{path}` is no TOML: {error}")
        return {}


def _optional(files: Mapping[str, bytes], path: str, findings: list[str]) -> dict[str, object]:
    return _table(files, path, findings) if path in files else {}


def clauses_over_limits(bundle: Bundle) -> tuple[Clause, ...]:
    """The clauses with each limit left open, read as a count named `limits.NAME`: for analysis alone."""
    limits = {name: limit.value for name, limit in bundle.manifest.limits.items()}
    translator = Translator(bundle.registry, limits, open_limits=True)
    return _told_apart(_clauses(bundle.files, "clauses/", translator, [])[1])[0]


def _section(table: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = table.get(name, {})
    return cast("Mapping[str, object]", section) if isinstance(section, dict) else {}


def _registry(table: Mapping[str, object], findings: list[str]) -> Registry | None:
    try:
        return parse_registry(_section(table, "facts"))
    except RegistryError as error:
        findings.extend(error.findings)
        return None


def _clauses(
    files: Mapping[str, bytes], folder: str, translator: Translator, findings: list[str]
) -> tuple[list[JsonObject], tuple[Clause, ...]]:
    policies: list[JsonObject] = []
    for path in sorted(path for path in files if path.startswith(folder)):
        try:
            policies.extend(parse_policies(files[path].decode()))
        except (CedarTextError, UnicodeDecodeError) as error:
            findings.append(f"`{path}`: {error}")
    clauses, wrong = parse_clauses(policies, translator)
    findings.extend(wrong)
    return policies, tuple(clauses)


def _told_apart(written: tuple[Clause, ...]) -> tuple[tuple[Clause, ...], tuple[Clause, ...]]:
    """The clauses that decide, and those that replace."""
    return (
        tuple(clause for clause in written if not clause.redacts),
        tuple(clause for clause in written if clause.redacts),
    )


def _without(policies: list[JsonObject], clauses: tuple[Clause, ...]) -> list[JsonObject]:
    """The policies that the engine is to confirm with: a clause that replaces forbids nothing."""
    left_out = {clause.id for clause in clauses}

    def id_of(policy: JsonObject) -> Json:
        annotations = policy.get("annotations")
        return annotations.get("id") if isinstance(annotations, dict) else None

    return [policy for policy in policies if id_of(policy) not in left_out]


def _validation(files: Mapping[str, bytes], schema: str) -> list[str]:
    findings: list[str] = []
    for folder in ("clauses/", "red_lines/"):
        paths = sorted(path for path in files if path.startswith(folder))
        for path in paths:
            found = validation_findings(files[path].decode(errors="replace"), schema)
            findings.extend(f"`{path}`: {finding}" for finding in found)
    return findings


def _neutral_scores(registry: Registry, given: frozenset[str]) -> Iterator[str]:
    """A neutral score stands for content that something read, or openly for what nothing reads."""
    for spec in registry.facts.values():
        if spec.grade is Grade.ESTIMATED and spec.neutral is not None and spec.name not in given:
            yield (
                f"fact `{spec.name}`: nothing gives this score, so its neutral value stands for nothing; "
                "name a screen in `screens.toml`, or declare it under `[unmeasured]` there"
            )


def _policy(
    manifest: Manifest,
    registry: Registry,
    clauses: tuple[Clause, ...],
    policies: list[JsonObject],
    limits: Mapping[str, int],
) -> Policy:
    settled = [put_in_limits(policy, limits) for policy in policies]
    return Policy(
        registry=registry,
        clauses=clauses,
        roles=tuple(manifest.roles),
        mechanisms=MappingProxyType({row.mechanism: row.id for row in manifest.process}),
        step_budget=manifest.step_budget,
        interval_role=manifest.interval_role,
        engine=build_engine(
            [policy for policy in settled if isinstance(policy, dict)], cedar_schema(registry)
        ),
    )


def _unsigned(
    manifest: Manifest, registry: Registry, clauses: tuple[Clause, ...], signers: frozenset[str]
) -> tuple[str, ...]:
    """What lacks the consent that its own formula asks for."""
    formulas = [(clause.id, clause.amend) for clause in clauses]
    formulas += [(f"limit {limit.id}", limit.amend) for limit in manifest.limits.values()]
    formulas += [(row.id, row.amend) for row in manifest.process]
    formulas += [(f"fact {spec.name}", parse_amend(spec.amend)) for spec in registry.facts.values()]
    return tuple(name for name, formula in formulas if not is_satisfied(formula, signers))
