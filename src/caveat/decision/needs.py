"""Smallest sets that suffice: of roles whose approval allows a use, and of facts (`decision.proof`).

An implicit hitting set: every set of facts that is known not to suffice says that an answer must hold some
fact outside it. The smallest set, first in registry order, that meets all such constraints is tried; if it
does not suffice it is grown to a largest set that does not, which gives the next constraint. Sufficiency
only grows with the set, so the first set that suffices is a smallest one.
"""

from collections.abc import Callable, Sequence


def smallest_sufficient(
    candidates: Sequence[str], suffices: Callable[[frozenset[str]], bool]
) -> tuple[str, ...] | None:
    """The smallest subset of `candidates` that suffices, ties by their order; None if all together don't.

    `suffices` must be monotone: what a set achieves, every larger set achieves.
    """
    if suffices(frozenset()):
        return ()
    if not suffices(frozenset(candidates)):
        return None
    constraints: list[frozenset[str]] = [_constraint(candidates, frozenset(), suffices)]
    size = 1
    while True:
        attempt = first_meeting(candidates, constraints, size)
        if attempt is None:
            size += 1
        elif suffices(frozenset(attempt)):
            return attempt
        else:
            constraints.append(_constraint(candidates, frozenset(attempt), suffices))


def _constraint(
    candidates: Sequence[str], failing: frozenset[str], suffices: Callable[[frozenset[str]], bool]
) -> frozenset[str]:
    """What lies outside a largest set that contains `failing` and does not suffice."""
    largest = failing
    for name in candidates:
        if name not in largest and not suffices(largest | {name}):
            largest |= {name}
    return frozenset(candidates) - largest


def first_meeting(
    candidates: Sequence[str], constraints: Sequence[frozenset[str]], size: int
) -> tuple[str, ...] | None:
    """The first combination of this size, in candidate order, that meets every constraint."""
    bits = {name: 1 << place for place, name in enumerate(candidates)}
    masks = {sum(bits[name] for name in constraint) for constraint in constraints}
    unmet = [mask for mask in masks if not any(other != mask and not other & ~mask for other in masks)]
    chosen = _meet(unmet, 0, size)
    return None if chosen is None else tuple(name for name in candidates if bits[name] & chosen)


def _meet(unmet: list[int], position: int, size: int) -> int | None:
    """The mask of the first combination of at most `size` places from `position` on that meets all."""
    if not unmet:
        return 0
    ahead = -1 << position
    if size == 0 or _lower_bound(unmet, ahead) > size:
        return None
    useful = 0
    for mask in unmet:
        if not mask & ahead:
            return None
        useful |= mask & ahead
    while True:  # ends at the latest when nothing useful is left: then some constraint is out of reach
        place = useful & -useful
        useful ^= place
        rest = _meet([mask for mask in unmet if not mask & place], place.bit_length(), size - 1)
        if rest is not None:
            return place | rest
        if any(not mask & useful for mask in unmet):
            return None


def _lower_bound(unmet: list[int], ahead: int) -> int:
    """How many places are needed at least: constraints that share none need one each."""
    taken = count = 0
    for mask in sorted(unmet, key=lambda mask: (mask & ahead).bit_count()):
        if not mask & taken & ahead:
            taken |= mask
            count += 1
    return count
