"""Whether somebody who approves also looks: planted cases seen and caught, and when that is too little. Pure.

Laws: the first decision about a planted case is the one that counts; refusing never lowers a figure; nobody
is held back by one slip, and nobody who approves everything passes two planted cases. Source: ADR-0040.
"""

from collections.abc import Container, Iterable
from functools import cache

from caveat.facts.wilson import Share
from caveat.oversight.past import PastReview
from caveat.oversight.review import Act, Defect

FIRST = 2
"""One missed case proves nothing; two are looked at."""
NEWEST = 100
"""So many planted cases, the newest, make the figure: whoever looks again is believed again."""
_APPROVED_BLINDLY = frozenset(
    {"", Defect.NOT_SHOWN, Defect.TOO_FAST, Defect.BATCH, Defect.OVER_SPAN, Defect.VIGILANCE}
)
"""An approval is a missed case also where it counts as none because it was no review."""


def is_miss(review: PastReview) -> bool:
    """Whether this decision, if about a planted case, lets it through."""
    return review.act is Act.APPROVE and review.defect in _APPROVED_BLINDLY


def planted_decisions(reviews: Iterable[PastReview], planted: Container[str]) -> tuple[PastReview, ...]:
    """The first decision of each person about each planted case that catches or misses it, in order."""
    first: dict[tuple[str, str], PastReview] = {}
    for one in reviews:
        if one.hold in planted and (is_miss(one) or (one.act is Act.REFUSE and not one.defect)):
            first.setdefault((one.person, one.hold), one)
    return tuple(first.values())


def caught(reviews: Iterable[PastReview], planted: Container[str]) -> Share:
    """Of the newest planted cases that one person decided about, those that were refused."""
    decided = planted_decisions(reviews, planted)[-NEWEST:]
    return Share(sum(one.act is Act.REFUSE for one in decided), len(decided))


def is_vigilant(share: Share, floor_percent: int) -> bool:
    """Whether approvals of somebody with this share may count.

    They do not once the share is below the floor even at the upper end of its interval; and, from as many
    cases on as let the lower end forgive one miss, where it is below at the lower end.
    """
    interval = share.interval
    if interval is None or share.total < FIRST:
        return True
    low, high = interval
    floor = floor_percent / 100
    if high < floor:
        return False
    return share.total < proven_after(floor_percent) or low >= floor


@cache
def proven_after(floor_percent: int) -> int:
    """From how many planted cases on the lower end decides: so many that one miss is forgiven, at most
    `NEWEST`."""
    for total in range(FIRST, NEWEST):
        interval = Share(total - 1, total).interval
        if interval is not None and interval[0] >= floor_percent / 100:
            return total
    return NEWEST
