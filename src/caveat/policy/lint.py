"""What a bundle must satisfy beyond its grammar before it loads: closed words, consent, one-way effects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from caveat.facts.fact import Grade
from caveat.facts.observers import OBSERVERS
from caveat.facts.registry import FactType, Registry
from caveat.policy.amend import AmendError, actors_of, parse_amend
from caveat.policy.clause import Clause
from caveat.policy.expression import (
    APPROVALS,
    All,
    Atom,
    Compare,
    Condition,
    Count,
    HasWord,
    OneOf,
    Overlap,
    SameSet,
    Subset,
    Words,
    WordSet,
    atoms,
    can_error,
    facts_of,
)
from caveat.policy.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Lint:
    """`problems` keep a bundle from loading; what is `unsafe` loads as a draft and is never served; `notes`
    hold nothing back.
    """

    problems: list[str]
    unsafe: list[str]
    notes: list[str]


def lint(
    manifest: Manifest,
    registry: Registry,
    clauses: Sequence[Clause],
    red_lines: Sequence[Clause],
    redactions: Sequence[Clause] = (),
) -> Lint:
    """What is wrong with the bundle beyond its grammar.

    What silence or a screen could open is *unsafe* and not a problem, so that the analysis can show it.
    """
    written = (*clauses, *redactions)
    problems = [
        *_unique_ids(written),
        *_unique_ids(red_lines),
        *_consent(manifest, registry, written),
        *_approval_use(manifest, written),
        *_score_types(registry),
        *_gated_errors(registry, written),
        *_red_lines(clauses, red_lines),
        *_redactions(registry, redactions, red_lines),
    ]
    for clause in (*written, *red_lines):
        problems.extend(_closed_words(manifest, registry, clause))
    if not any(clause.is_permit for clause in clauses):
        problems.append("no clause permits anything, so every use would be denied; add a permit")
    notes = [
        f"clause `{clause.id}` can overflow; a use for which it does is denied"
        for clause in clauses
        if can_error(clause.condition)
    ]
    notes += [
        f"clause `{clause.id}` can overflow; a use for which it does is redacted"
        for clause in redactions
        if can_error(clause.condition)
    ]
    notes += [
        f"fact `{spec.name}` counts when merely claimed: a liar opens what rests on it"
        for spec in registry.facts.values()
        if spec.grade is Grade.CLAIMED
    ]
    return Lint(problems, [*_loosening_scores(registry, clauses), *_unobserved(registry)], notes)


def _unobserved(registry: Registry) -> Iterator[str]:
    """A neutral value stands for an observer that looked and found nothing, and for nothing else."""
    for spec in registry.facts.values():
        if spec.neutral_unobserved:
            yield (
                f"fact `{spec.name}`: its neutral value needs an observer that establishes it; "
                f"`observed_by` names none of {', '.join(sorted(OBSERVERS))}"
            )


def _unique_ids(clauses: Sequence[Clause]) -> Iterator[str]:
    seen: set[str] = set()
    for clause in clauses:
        if clause.id in seen:
            yield f'`@id("{clause.id}")` is given twice; Cedar would merge them silently'
        seen.add(clause.id)


def _consent(manifest: Manifest, registry: Registry, clauses: Sequence[Clause]) -> Iterator[str]:
    formulas = [(f"clause `{clause.id}`", clause.amend) for clause in clauses]
    formulas += [(f"limit `{limit.id}`", limit.amend) for limit in manifest.limits.values()]
    formulas += [(f"process clause `{row.id}`", row.amend) for row in manifest.process]
    for spec in registry.facts.values():
        try:
            formulas.append((f"fact `{spec.name}`", parse_amend(spec.amend)))
        except AmendError as error:
            yield f"fact `{spec.name}`: {error}"
    for where, formula in formulas:
        for actor in sorted(actors_of(formula) - manifest.actors.keys()):
            yield f"{where}: `{actor}` is not declared under `[actors]`"


def _closed_words(manifest: Manifest, registry: Registry, clause: Clause) -> Iterator[str]:
    for atom, _ in atoms(clause.condition):
        for fact, words in _words_compared(atom):
            declared = set(manifest.roles) if fact == APPROVALS else set(registry.facts[fact].values)
            for word in sorted(words - declared):
                where = "an approver role" if fact == APPROVALS else f"a value of `{fact}`"
                yield f"clause `{clause.id}`: `{word}` is not {where}; a misspelt word would never match"


def _words_compared(atom: Atom) -> Iterator[tuple[str, frozenset[str]]]:
    match atom:
        case OneOf(fact, values):
            yield fact, values
        case Overlap(left, right) | SameSet(left, right) | Subset(left, right):
            for term, other in ((left, right), (right, left)):
                if isinstance(term, WordSet) and isinstance(other, Words):
                    yield term.fact, other.values
        case _:
            return


def _approval_use(manifest: Manifest, clauses: Sequence[Clause]) -> Iterator[str]:
    """An approval only loosens: it may help a permit hold or keep a forbid from holding, nothing else."""
    used: set[str] = set()
    for clause in clauses:
        for atom, positive in atoms(clause.condition):
            if APPROVALS not in facts_of(atom):
                continue
            used.update(word for fact, words in _words_compared(atom) if fact == APPROVALS for word in words)
            if not _grows_with_approvals(atom) or positive is not clause.is_permit:
                yield f"clause `{clause.id}`: one more approval could tighten it; approvals only loosen"
            if clause.red_line is not None:
                yield f"clause `{clause.id}`: a red line has no approval; nothing overrides it"
    for role in manifest.roles:
        if role not in used and role != manifest.interval_role:
            yield f"role `{role}` is declared and no clause asks for its approval"


def _grows_with_approvals(atom: Atom) -> bool:
    """Whether more approvals can only make the test true."""
    match atom:
        case Subset(Words(), WordSet("approvals")):
            return True
        case Overlap(Words(), WordSet("approvals")) | Overlap(WordSet("approvals"), Words()):
            return True
        case HasWord() | _:
            return False


def _score_types(registry: Registry) -> Iterator[str]:
    for name in sorted(_scores(registry)):
        if registry.facts[name].type is not FactType.LONG:
            yield f"fact `{name}`: an estimated fact is a score, so its type is `long`"


def _scores(registry: Registry) -> set[str]:
    return {name for name, spec in registry.facts.items() if spec.grade is Grade.ESTIMATED}


def _loosening_scores(registry: Registry, clauses: Sequence[Clause]) -> Iterator[str]:
    """A higher score only tightens."""
    estimated = _scores(registry)
    for clause in clauses:
        for atom, positive in atoms(clause.condition):
            if not estimated.intersection(facts_of(atom)):
                continue
            rises = _rises_with_score(atom, estimated)
            if rises is None or positive is None or (rises is positive) is clause.is_permit:
                yield f"clause `{clause.id}`: a higher score could loosen it; a score only tightens"


def _rises_with_score(atom: Atom, estimated: set[str]) -> bool | None:
    """True where a higher score can only make the test true, False where only false, None otherwise."""
    if not isinstance(atom, Compare) or atom.op == "==":
        return None
    left = isinstance(atom.left, Count) and atom.left.fact in estimated
    right = isinstance(atom.right, Count) and atom.right.fact in estimated
    if left == right or len(facts_of(atom)) != 1:
        return None
    return right


def _gated_errors(registry: Registry, clauses: Sequence[Clause]) -> Iterator[str]:
    """No approval and no score decides whether arithmetic is evaluated the wrong way round.

    An overflow denies. If giving an approval, or lowering a score, uncovered one, it would tighten. So a
    part of a clause that reads one holds no arithmetic, and in a permit none follows it.
    """
    one_way = {APPROVALS} | {spec.name for spec in registry.facts.values() if spec.grade is Grade.ESTIMATED}
    for clause in clauses:
        parts = clause.condition.args if isinstance(clause.condition, All) else (clause.condition,)
        for place, part in enumerate(parts):
            covered = parts[place:] if clause.is_permit else (part,)
            if _reads(part, one_way) and any(can_error(each) for each in covered):
                yield (
                    f"clause `{clause.id}`: an approval or a score decides whether arithmetic is evaluated; "
                    "put the arithmetic before it, as a condition of its own"
                )
                break


def _reads(condition: Condition, facts: set[str]) -> bool:
    return any(not facts.isdisjoint(facts_of(atom)) for atom, _ in atoms(condition))


def _red_lines(clauses: Sequence[Clause], red_lines: Sequence[Clause]) -> Iterator[str]:
    specified = {clause.red_line for clause in red_lines}
    for clause in red_lines:
        if clause.red_line is None:
            yield f'red line `{clause.id}`: name it with `@red_line("…")`'
        if clause.is_permit:
            yield f"red line `{clause.id}`: a specification forbids"
    for clause in clauses:
        if clause.red_line is not None and clause.red_line not in specified:
            yield f"clause `{clause.id}`: red line `{clause.red_line}` has no specification in `red_lines/`"


def _redactions(
    registry: Registry, redactions: Sequence[Clause], red_lines: Sequence[Clause]
) -> Iterator[str]:
    """A score rises while content passes, and what has left cannot be replaced."""
    estimated = _scores(registry)
    for clause in redactions:
        if _reads(clause.condition, estimated):
            yield f"clause `{clause.id}`: a redaction reads no score; its kinds say what it looks for"
    for clause in red_lines:
        if clause.redacts:
            yield f"red line `{clause.id}`: a specification forbids; it redacts nothing"
