"""Results of tools matched with the calls before them in the same request.

Laws: a result answers a call that stands before it and that no other result has answered; where a protocol
has turns, the call is one of the latest turn of the model. What this finds is a function of the messages
alone. Source: the published API references of the three protocols, ADR-0029.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from caveat.gateway.errors import RequestError
from caveat.signing.canonical import Json


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What one message brings.

    `calls`: ids of calls of tools. `results`: the ids that its results answer, None where one names none.
    `ends_turn`: whether calls before it can be answered no more.
    """

    calls: tuple[str, ...] = ()
    results: tuple[str | None, ...] = ()
    ends_turn: bool = False


NOTHING = Exchanged()


@dataclass(frozen=True, slots=True)
class Pairing:
    """The calls that can be answered so far, and those that were. `unmatched`: some result had no call;
    `twice`: some call had two results."""

    calls: frozenset[str] = frozenset()
    answered: frozenset[str] = frozenset()
    unmatched: bool = False
    twice: bool = False

    def after(self, brought: Exchanged) -> "Pairing":
        """What holds after one more message."""
        if brought == NOTHING:
            return self
        before = Pairing() if brought.ends_turn else self
        calls = before.calls.union(brought.calls)
        answered = before.answered.difference(brought.calls)
        unmatched, twice = self.unmatched, self.twice
        for result in brought.results:
            twice |= result in answered
            unmatched |= result not in calls and result not in answered
            answered |= frozenset() if result is None else {result}
        return Pairing(calls, answered, unmatched, twice)

    def check(self, *, calls_elsewhere: Callable[[], bool] = lambda: False) -> None:
        """Raises `RequestError` where results and calls do not match. `calls_elsewhere`: the request goes on
        from what the endpoint keeps, so a call may stand there."""
        if self.twice:
            raise RequestError(
                400,
                "tool_result_twice",
                "a call of a tool has two results",
                "send one result for each call",
            )
        if self.unmatched and not calls_elsewhere():
            raise RequestError(
                400,
                "tool_result_unmatched",
                "a result of a tool answers no call of the turn before it",
                "send each result behind the message that asks for it, under the same id",
            )


def ids(values: Iterable[Json]) -> tuple[str, ...]:
    """Those of the values that are ids."""
    return tuple(value for value in values if isinstance(value, str))
