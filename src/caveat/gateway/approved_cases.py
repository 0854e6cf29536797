"""The facts of a use with what people approved of it, and without. Pure.

Law: an approval is of one prompt or call with these facts, under this policy, and of nothing beside.
Source: ADR-0037.
"""

from dataclasses import replace

from caveat.facts.fact import Facts
from caveat.gateway.gather import Gathered
from caveat.gateway.holding import Given
from caveat.gateway.ports import Law
from caveat.gateway.ruling import Ruling


def approved(gathered: Gathered, given: Given) -> Gathered:
    """The use with what people approved of it."""
    return replace(gathered, cases=tuple(replace(case, approvals=given.roles) for case in gathered.cases))


def unreleased(gathered: Gathered, given: Given | None) -> Gathered:
    """The same without what only counts where the use goes on; what was approved of it is not used up."""
    cases = gathered.cases if given is None else without_approvals(gathered.cases)
    return replace(gathered, cases=cases, reserve=(), counted=None, contributed=())


def unapproved(cases: tuple[Facts, ...], before: tuple[Facts, ...]) -> tuple[Facts, ...]:
    """The cases of a call. What was approved of its prompt holds for it only where it changes no fact: the
    approver saw these, and not what the call does beside."""
    if not any(case.approvals for case in cases):
        return cases
    unchanged = [_values(case) for case in cases] == [_values(case) for case in before]
    return cases if unchanged else without_approvals(cases)


def still_approved(prompt: Ruling, law: Law, cases: tuple[Facts, ...]) -> tuple[Facts, ...]:
    """The cases of what goes on from a prompt: approvals are of the policy that the prompt was under."""
    if law.bundle.digest == prompt.use.law.bundle.digest:
        return cases
    return without_approvals(cases)


def without_approvals(cases: tuple[Facts, ...]) -> tuple[Facts, ...]:
    """The cases as nobody had approved anything."""
    if not any(case.approvals for case in cases):
        return cases
    return tuple(replace(case, approvals=frozenset[str]()) for case in cases)


def _values(case: Facts) -> frozenset[tuple[str, object, str]]:
    """What is known in a case, from wherever."""
    return frozenset((fact.name, fact.value, fact.grade.value) for fact in case.facts)
