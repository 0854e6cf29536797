"""Whose signatures a change of a part needs: its own formula, and those of what it affects.

Formulas come from the bundle that is in force, and also from the new one where a part brings another. What
is added has its own, and a clause that of some clause in force with the same effect. Where nothing names
anybody, the change needs what every clause needs together. Source: DESIGN section 6, ADR-0019.
"""

from collections.abc import Iterable, Iterator

from caveat.policy.amend import NOBODY, Actor, Formula, actors_of, all_of, any_of, parse_amend
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause
from caveat.policy.expression import APPROVALS, Overlap, SameSet, Subset, Words, WordSet, atoms, facts_of
from caveat.policy.parts import Kind, Table, content, section, table_of, words
from caveat.policy.redaction import PHRASES

_EFFECT = "action_effect"
_EVIDENCE = "evidence"
_WORDS = frozenset({"text", "amend"})
_BY_ITS_FACTS = frozenset({"operator", "key_digests", "budget"})
_BY_ITS_COUNTS = frozenset({"owner_group", "id_column", "max_identifiers"})


class Consent:
    """The formulas of one step from a bundle in force to another. Pure; holds nothing but the two."""

    def __init__(self, old: Bundle, new: Bundle) -> None:
        """`old` is in force and its formulas bind; `new` is to come into force."""
        self._old = old
        self._new = new
        self._sides = (old, new)
        self._facts, self._issuers, self._tools, self._deployments, self._phrases = (
            tuple(section(table_of(side, file), table) for side in self._sides)
            for file, table in (
                ("facts", "facts"),
                ("trust", "issuers"),
                ("tools", "tools"),
                ("deployments", "deployments"),
                ("phrases", "phrases"),
            )
        )

    def needed(self, kind: Kind, name: str) -> Formula:
        """Who has to sign for the change of this part; never nobody."""
        formula = all_of(self._formulas(kind, name))
        return self._everyone() if formula == NOBODY else formula

    def _formulas(self, kind: Kind, name: str) -> Iterator[Formula]:
        match kind:
            case Kind.CLAUSE:
                yield from (one.amend for side in self._sides for one in side.written if one.id == name)
                yield from self._addition(name)
            case Kind.RED_LINE:
                yield from (one.amend for side in self._sides for one in side.red_lines if one.id == name)
            case Kind.LIMIT:
                limits = (side.manifest.limits.get(name) for side in self._sides)
                yield from (limit.amend for limit in limits if limit is not None)
            case Kind.PROCESS:
                rows = (row for side in self._sides for row in side.manifest.process)
                yield from (row.amend for row in rows if row.id == name)
            case Kind.FACT:
                yield from self._fact(name)
            case Kind.ISSUER:
                yield from self._issuer(name)
            case Kind.TRUST:
                issuers = sorted({one for table in self._issuers for one in table})
                yield from self._amends(fact for one in issuers for fact in self._granted(one))
            case Kind.TOOL:
                yield from self._readers({_EFFECT})
                yield from self._amends_and_readers(self._facts_of_tools({name}))
            case Kind.PHRASES | Kind.SCREEN | Kind.UNMEASURED:
                yield from self._reading(kind, name)
            case Kind.DEPLOYMENT | Kind.REGISTERED | Kind.WORKFLOW | Kind.OBSERVER:
                yield from self._registration(kind, name)
            case Kind.ROLE:
                yield from self._role(name)
            case Kind.ACTOR:
                yield from self._actor(name)
            case Kind.SETTING | Kind.TEXT:
                return

    def _everyone(self) -> Formula:
        """What the clauses in force, with and without a condition, ask for together."""
        formulas = [clause.amend for clause in self._old.written]
        return all_of([*formulas, *(row.amend for row in self._old.manifest.process)])

    def _addition(self, name: str) -> Iterator[Formula]:
        """For an added clause: the consent that some clause of the same effect in force asks for.

        So nobody gets, by adding a clause, a power that they do not have by amending one.
        """
        added = next((one for one in self._new.written if one.id == name), None)
        if added is not None and all(one.id != name for one in self._old.written):
            yield any_of(one.amend for one in self._old.written if one.is_permit is added.is_permit)

    def _amends(self, facts: Iterable[str]) -> Iterator[Formula]:
        for fact in facts:
            for side in self._sides:
                if fact in side.registry.facts:
                    yield parse_amend(side.registry.facts[fact].amend)

    def _readers(self, facts: set[str]) -> Iterator[Formula]:
        for side in self._sides:
            yield from (clause.amend for clause in side.written if not facts.isdisjoint(facts_read(clause)))

    def _amends_and_readers(self, facts: set[str]) -> Iterator[Formula]:
        yield from self._amends(sorted(facts))
        yield from self._readers(facts)

    def _fact(self, name: str) -> Iterator[Formula]:
        """Its own formula; and every reader's, unless nothing but its words for people changed."""
        yield from self._amends([name])
        old, new = (
            content({key: value for key, value in section(table, name).items() if key not in _WORDS})
            for table in self._facts
        )
        if old != new:
            yield from self._readers({name})

    def _issuer(self, name: str) -> Iterator[Formula]:
        """By what it may attest; a key for anything but evidence bears on every clause."""
        yield from self._amends(self._granted(name))
        if any(section(table, name).get("purpose", _EVIDENCE) != _EVIDENCE for table in self._issuers):
            yield self._everyone()

    def _granted(self, issuer: str) -> list[str]:
        return sorted({fact for table in self._issuers for fact in words(section(table, issuer), "facts")})

    def _registration(self, kind: Kind, name: str) -> Iterator[Formula]:
        deployment, _, part = name.partition("/")
        match kind:
            case Kind.REGISTERED:
                yield from self._amends([part])
            case Kind.OBSERVER:
                yield from self._amends_and_readers(self._observed({part}))
            case Kind.WORKFLOW:
                found = (section(section(row, "workflows"), part) for row in self._deployment(deployment))
                yield from self._amends_and_readers({fact for row in found for fact in section(row, "facts")})
            case _:
                yield from self._members(deployment)

    def _deployment(self, name: str) -> tuple[Table, Table]:
        old, new = self._deployments
        return section(old, name), section(new, name)

    def _members(self, name: str) -> Iterator[Formula]:
        """By what the changed members bear on; one that is not known here bears on every clause."""
        old, new = self._deployment(name)
        changed = {key for key in {*old, *new} if content(old.get(key)) != content(new.get(key))}
        changed -= {"facts", "workflows", "observers"}
        if not (old and new):
            changed -= {"kind"}  # what a new one registers has rows of its own
        if old.get("mode", "enforce") == new.get("mode", "enforce"):
            changed -= {"mode"}
        if changed & _BY_ITS_FACTS:
            yield from self._amends(sorted(self._registered(old) | self._registered(new)))
        if changed & _BY_ITS_COUNTS:
            observers = {*words(old, "observers"), *words(new, "observers")}
            yield from self._amends_and_readers(self._observed(observers))
        if "tools" in changed:
            yield from self._readers({_EFFECT})
            named = {*words(old, "tools")} ^ {*words(new, "tools")}
            yield from self._readers(self._facts_of_tools(named))
        if changed - _BY_ITS_FACTS - _BY_ITS_COUNTS - {"tools"}:
            yield self._everyone()

    @staticmethod
    def _registered(deployment: Table) -> set[str]:
        workflows = section(deployment, "workflows")
        fixed = {fact for one in workflows for fact in section(section(workflows, one), "facts")}
        return fixed | set(section(deployment, "facts"))

    def _facts_of_tools(self, names: set[str]) -> set[str]:
        """What these tools register for their calls, beside the effect, on either side."""
        rows = (section(table, name) for table in self._tools for name in names)
        return {fact for row in rows for fact in section(row, "facts")}

    def _reading(self, kind: Kind, name: str) -> Iterator[Formula]:
        """What gives a score, or stands for one that nothing gives."""
        if kind is Kind.UNMEASURED:
            yield from self._amends_and_readers({name})
        elif kind is Kind.SCREEN:
            tables = (section(section(table_of(side, "screens"), "screens"), name) for side in self._sides)
            yield from self._amends_and_readers({fact for one in tables for fact in section(one, "gives")})
        else:
            yield from self._amends_and_readers(self._scored(name))
            yield from self._replacing(name)

    def _scored(self, name: str) -> set[str]:
        """The facts that a list of phrases gives a score, on either side."""
        return {str(section(table, name).get("fact", "")) for table in self._phrases}

    def _replacing(self, name: str) -> Iterator[Formula]:
        """Of the clauses that have the phrases of this list replaced."""
        for side in self._sides:
            yield from (one.amend for one in side.redactions if f"{PHRASES}{name}" in one.redacts)

    def _observed(self, observers: set[str]) -> set[str]:
        return {
            name
            for side in self._sides
            for name, spec in side.registry.facts.items()
            if not spec.observed_by.isdisjoint(observers)
        }

    def _role(self, name: str) -> Iterator[Formula]:
        if name in {side.manifest.interval_role for side in self._sides}:
            yield self._everyone()
        for side in self._sides:
            yield from (clause.amend for clause in side.written if name in roles_read(clause))

    def _actor(self, name: str) -> Iterator[Formula]:
        """Its own signature, by the key in force; where it has none yet, all who rely on its name."""
        old, new = (side.manifest.actors for side in self._sides)
        if old.get(name) or (name not in old and new.get(name)):
            yield Actor(name)
        else:
            yield from (formula for formula in formulas_of(self._old) if name in actors_of(formula))


def facts_read(clause: Clause) -> frozenset[str]:
    """The facts that a clause reads."""
    return frozenset(fact for atom, _ in atoms(clause.condition) for fact in facts_of(atom))


def roles_read(clause: Clause) -> frozenset[str]:
    """The roles whose approval a clause asks about."""
    found: set[str] = set()
    for atom, _ in atoms(clause.condition):
        match atom:
            case Overlap(left, right) | SameSet(left, right) | Subset(left, right):
                for term, other in ((left, right), (right, left)):
                    if isinstance(term, WordSet) and term.fact == APPROVALS and isinstance(other, Words):
                        found |= other.values
            case _:
                continue
    return frozenset(found)


def formulas_of(bundle: Bundle) -> Iterator[Formula]:
    """Every amend formula that the bundle has."""
    yield from (clause.amend for clause in (*bundle.written, *bundle.red_lines))
    yield from (limit.amend for limit in bundle.manifest.limits.values())
    yield from (row.amend for row in bundle.manifest.process)
    yield from (parse_amend(spec.amend) for spec in bundle.registry.facts.values())
