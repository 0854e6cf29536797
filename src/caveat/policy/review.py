"""What a bundle promises and nothing holds: paper clauses, vague terms, misfit authorities, changed sources.

Nothing here keeps a bundle from being served: it is for the people who write and read it. Source: ADR-0018.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from caveat.policy.amend import Formula, actors_of, is_satisfied
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import sha256

State = Literal["enforced", "tested", "paper only"]
UNENFORCED_MECHANISMS = frozenset({"oversight"})
VAGUE_TERMS = (
    "adequate",
    "appropriate",
    "as required",
    "meaningful",
    "reasonable",
    "significant",
    "sufficient",
    "undue",
    "where feasible",
    "where practicable",
)
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_PARTIES = 2


@dataclass(frozen=True, slots=True)
class ClauseState:
    """Whether anything stands behind a clause of the policy document, and what."""

    id: str
    state: State
    why: str

    def render(self) -> JsonObject:
        """JSON."""
        return {"id": self.id, "state": self.state, "why": self.why}


def clause_states(
    bundle: Bundle, tested: Collection[str] = (), never: Collection[str] = ()
) -> tuple[ClauseState, ...]:
    """Every clause: *tested* where a scenario is decided by it, *enforced* where something holds it, else
    *paper only*. `never`: policies that were proved never to apply.
    """
    policies: dict[str, list[str]] = {}
    for clause in bundle.written:
        for name in clause.clauses:
            policies.setdefault(name, []).append(clause.id)
    rows = {row.id: row.mechanism for row in bundle.manifest.process}
    return tuple(
        _state(name, policies.get(name, []), rows.get(name), tested, never) for name in {**policies, **rows}
    )


def _state(
    name: str, policies: list[str], mechanism: str | None, tested: Collection[str], never: Collection[str]
) -> ClauseState:
    live = [policy for policy in policies if policy not in never]
    held = mechanism is not None and mechanism not in UNENFORCED_MECHANISMS
    if not live and not held:
        if policies:
            return ClauseState(name, "paper only", "its condition can never hold")
        return ClauseState(
            name, "paper only", f"nothing enforces the mechanism `{mechanism}` in this release"
        )
    by = [f"policy {policy}" for policy in live] + [f"mechanism `{mechanism}`"] * held
    return ClauseState(name, "tested" if name in tested else "enforced", ", ".join(by))


def flags(bundle: Bundle, sources: Mapping[str, bytes]) -> tuple[str, ...]:
    """What a reader should question, one line each. `sources`: documents that clauses may cite by digest."""
    return (*_vague(bundle), *_misfits(bundle), *_changed_sources(bundle, sources))


def _texts(bundle: Bundle) -> Iterator[tuple[str, str]]:
    yield from (
        (f"clause `{clause.clauses[0]}`", clause.text) for clause in (*bundle.written, *bundle.red_lines)
    )
    yield from ((f"process clause `{row.id}`", row.text) for row in bundle.manifest.process)


def _vague(bundle: Bundle) -> Iterator[str]:
    defined = {term.lower() for term in bundle.manifest.definitions}
    seen: set[tuple[str, str]] = set()
    for where, text in _texts(bundle):
        for term in VAGUE_TERMS:
            found = re.search(rf"\b{re.escape(term)}(ly)?\b", text, re.IGNORECASE)
            if found and term not in defined and (where, term) not in seen:
                seen.add((where, term))
                yield f"{where}: `{term}` has no meaning of its own here; define it under `[definitions]`"


def _misfits(bundle: Bundle) -> Iterator[str]:
    """Clauses that others may change than those who make such rules."""
    made = bundle.manifest.authorities
    rules = [(c.clauses[0], c.authority, c.amend, c.amend_text) for c in bundle.written]
    rules += [(row.id, row.authority, row.amend, row.amend_text) for row in bundle.manifest.process]
    seen: set[tuple[str, str, str]] = set()
    for name, authority, amend, text in rules:
        if (name, authority, text) in seen:
            continue
        seen.add((name, authority, text))
        makers = {actor for actor, kinds in made.items() if authority in kinds}
        for chosen in _least(amend):
            if authority == "contract" and len(chosen) < _PARTIES:
                yield f"clause `{name}`: a contract that {_and(chosen)} alone may change is none"
            elif makers and makers.isdisjoint(chosen):
                who = _and(chosen)
                yield f"clause `{name}`: declared as {authority}, and {who} may change it, who makes none"


def _least(formula: Formula) -> Iterator[tuple[str, ...]]:
    """The smallest sets of actors that may make the change."""
    found: list[set[str]] = []
    actors = sorted(actors_of(formula))
    for size in range(1, len(actors) + 1):
        for chosen in combinations(actors, size):
            if is_satisfied(formula, frozenset(chosen)) and not any(less <= set(chosen) for less in found):
                found.append(set(chosen))
                yield chosen


def _changed_sources(bundle: Bundle, sources: Mapping[str, bytes]) -> Iterator[str]:
    documents = {path: data for path, data in bundle.files.items() if path.endswith(".md")} | dict(sources)
    digests = {sha256(data): path for path, data in documents.items()}
    seen: set[str] = set()
    for clause in (*bundle.written, *bundle.red_lines):
        cited = _DIGEST.search(clause.source)
        name = clause.clauses[0]
        if cited is None or cited.group(1) in digests or name in seen:
            continue
        seen.add(name)
        if not documents:
            yield f"clause `{name}`: its source is cited by digest, and no document is here to compare"
        else:
            yield f"clause `{name}`: its source changed; no document has the digest that it cites"


def _and(names: Collection[str]) -> str:
    return " and ".join(names)
