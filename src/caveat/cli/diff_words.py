"""A difference of two bundles in plain sentences, for the terminal and for the page."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from caveat.facts.fact import Grade
from caveat.facts.value import Interval, Value

if TYPE_CHECKING:
    from caveat.analysis.changed_use import ChangedUse
    from caveat.analysis.difference import ClauseChange, Difference, RedLineChange, Side

VERDICTS = {
    "allow": "allowed",
    "deny": "denied",
    "needs_evidence": "held back until proof is there",
    "needs_approval": "held back until people approve",
}


def sentences(difference: "Difference") -> Iterator[str]:
    """The whole answer, line by line, what matters most first."""
    yield from headline(difference)
    for line in difference.red_lines:
        yield f"  {red_line_sentence(line)}"
    for title, side in (("newly permitted", difference.opened), ("newly denied", difference.closed)):
        if side.uses:
            yield f"{title}:"
            yield from (f"  {number}. {use_sentence(use)}" for number, use in enumerate(side.uses, start=1))
        more = _more(side)
        if more:
            yield f"  {more}"
    changed = [change_sentence(change) for change in difference.clauses]
    if changed:
        yield "what changed:"
        yield from (f"  {sentence}" for sentence in changed)
    for other in difference.others:
        effect = "could change a verdict, which no clause shows" if other.verdicts else "changes no verdict"
        yield f"  {other.kind} {other.id} {other.action}: {effect}; needs {other.needs}"
    yield from _verdict_rows(difference)


def headline(difference: "Difference") -> Iterator[str]:
    """Whether the two are equal, what gets weaker, and who could do it."""
    old, new = difference.bundles
    drafts = [str(side["name"]) for side in (old, new) if side["draft"]]
    match difference.equivalent:
        case True:
            yield f"no use differs: proved in both directions, over every approval, by {difference.solver}"
        case False:
            yield "the two bundles decide differently"
        case None:
            yield "unknown: the solver did not answer in time, so nothing is said to be equal"
    touched = difference.touched
    if touched:
        yield f"red lines that get weaker: {', '.join(touched)}"
    elif difference.weaker is False:
        yield "no red line touched"
    yield from _who(difference)
    if drafts:
        yield f"drafts, which are never served: {', '.join(dict.fromkeys(drafts))}"


def _who(difference: "Difference") -> Iterator[str]:
    if not difference.made_by:
        return
    fewest = difference.made_by[0]
    if len(fewest) == 1:
        alone = " or ".join(names[0] for names in difference.made_by if len(names) == 1)
        yield f"{alone} alone could make this change: one signature is enough"
        if difference.closed.uses:
            yield "a purpose that was permitted is closed by one party"
        if difference.opened.uses:
            yield "uses that were stopped are opened by one party"
    else:
        yield f"it takes the signatures of {_and(fewest)}"


def red_line_sentence(line: "RedLineChange") -> str:
    """One red line: weaker or not, and how many consents stand before it."""
    answer = {True: f"weaker: {line.why}", False: "not weaker", None: f"unknown: {line.why}"}[line.weaker]
    consents = f"{_consents(line.consents_before)} before, {_consents(line.consents_after)} after"
    who = [_and(names) for names in line.openers_after if names]
    return (
        f"{line.id} {answer}; consents that open it: {consents}{' (' + ' or '.join(who) + ')' if who else ''}"
    )


def _consents(number: int | None) -> str:
    return "none known" if number is None else ("none (it is open)" if number == 0 else str(number))


def use_sentence(use: "ChangedUse") -> str:
    """One use as a sentence: what it is, what happened to it before, what happens now."""
    facts = "; ".join(f"{_words(name)} {value_words(value)}" for name, value in use.truth.items())
    seen = [
        f"{_words(name)} {value_words(said.value)}"
        for name, said in use.said.items()
        if said.grade in (Grade.CLAIMED, Grade.ESTIMATED) or said.value != use.truth.get(name, said.value)
    ]
    told = f" The gateway is told: {'; '.join(seen)}, by nobody's proof." if seen else ""
    given = f" With the approval of {_and(sorted(use.approvals))}." if use.approvals else ""
    inside = f" Inside red line {use.red_line}." if use.red_line else ""
    place = "" if use.point == "prompt" else f" At the point `{use.point}`."
    before = _decided(use.before.verdict.value, use.before.clauses, use.before.approvals)
    after = _decided(use.after.verdict.value, use.after.clauses, use.after.approvals)
    return f"A use with {facts or 'any facts'}: {before} before, {after} now.{told}{given}{place}{inside}"


def _decided(verdict: str, clauses: Iterable[str], roles: Iterable[str]) -> str:
    by = ", ".join(clauses)
    asked = ", ".join(roles)
    return f"{VERDICTS[verdict]}{' (' + asked + ')' if asked else ''}{' under ' + by if by else ''}"


def value_words(value: Value) -> str:
    """A value as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return " and ".join(sorted(value)) or "nothing"
    if isinstance(value, Interval):
        return f"{value.lo:,} to {value.hi:,}"
    return f"{value:,}" if isinstance(value, int) else value


def change_sentence(change: "ClauseChange") -> str:
    """One clause: what happened, where it is empty, and who could do it."""
    parts = [f"{change.kind} {change.id}: {change.change}"]
    if change.note:
        parts.append(change.note)
    for emptied in change.emptied:
        if not emptied.where:
            parts.append("it still stands and stops nothing that it stopped: equal to its deletion")
            continue
        where = " and ".join(
            f"{_words(name)} is {' or '.join(_json_words(value) for value in values)}"
            for name, values in emptied.where.items()
        )
        parts.append(
            f"it still stands and stops nothing that it stopped wherever {where}: equal to its deletion there"
        )
    if change.switched_off:
        said = "; ".join(
            f"{_words(name)} {_json_words(value)}" for name, value in change.switched_off.items()
        )
        parts.append(f"equal to its deletion for whoever claims {said}: a lie gets past it")
    if change.alone:
        parts.append(f"made by {' or '.join(_and(names) for names in change.alone)}")
    return "; ".join(parts)


def _json_words(value: object) -> str:
    if isinstance(value, list):
        return " and ".join(str(word) for word in cast("list[object]", value)) or "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _more(side: "Side") -> str:
    if side.complete is None:
        return "and perhaps more: the solver did not answer in time"
    return "and more of the same kind (--uses shows more)" if not side.complete else ""


def _verdict_rows(difference: "Difference") -> Iterator[str]:
    if difference.scenarios:
        changed = [row for row in difference.scenarios if row.before != row.after]
        yield f"scenarios: {len(changed)} of {len(difference.scenarios)} change"
        yield from (f"  {row.id}: {row.before} before, {row.after} now" for row in changed)
    if difference.records:
        yield f"recorded uses: {len(difference.records)} change"
        yield from (f"  record {row.id}: {row.before} before, {row.after} now" for row in difference.records)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _and(names: Iterable[str]) -> str:
    return " and ".join(names)
