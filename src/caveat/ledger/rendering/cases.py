"""The cases of decisions as JSON, each rendered once. Pure."""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias, cast

from caveat.facts.fact import Facts
from caveat.facts.wire import render_facts
from caveat.signing.canonical import CanonicalError, Json, fragment

RenderCases: TypeAlias = Callable[[tuple[Facts, ...]], Json]


def render_cases(cases: tuple[Facts, ...]) -> Json:
    """The cases of a decision as JSON."""
    return [render_facts(case) for case in cases]


class CasesMemo:
    """Renders as `render_cases`, and the very same cases once: as a fragment that is not looked into again.

    Cases are immutable, so their identity is enough; they are kept with their rendering, so that it cannot
    come to name others.
    """

    def __init__(self, limit: int = 256) -> None:
        """Nothing rendered yet. `limit`: how many renderings are kept."""
        self._limit = limit
        self._known: OrderedDict[int, tuple[tuple[Facts, ...], Json]] = OrderedDict()

    def __call__(self, cases: tuple[Facts, ...]) -> Json:
        """Cases that have no one rendering are given as they are: the ledger refuses their record."""
        known = self._known.get(id(cases))
        if known is not None:
            self._known.move_to_end(id(cases))
            return known[1]
        plain = render_cases(cases)
        try:
            rendered = cast("Json", fragment(plain))
        except CanonicalError:
            return plain
        self._known[id(cases)] = (cases, rendered)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return rendered
