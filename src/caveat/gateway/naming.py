"""The name of one exact action: who, where, in which protocol, at what, and the bytes that go on.

Under the audit key, since the name stands in records: a guess at the bytes cannot be tested without.
"""

import hmac
from dataclasses import dataclass

from caveat.call.call import Point
from caveat.gateway.wire.history import Beginning
from caveat.signing.canonical import Json, canonical
from caveat.signing.digest import Digest


@dataclass(frozen=True, slots=True)
class Begun:
    """The HMAC over `about` and the first bytes of what goes on, `forwarded`."""

    about: bytes
    forwarded: Beginning
    state: hmac.HMAC


@dataclass(frozen=True, slots=True)
class Name:
    """The name, and the HMAC as far as the next request may begin alike; None where nothing was settled."""

    digest: Digest
    begun: Begun | None


class Namer:
    """Names actions under one key."""

    def __init__(self, audit_key: bytes) -> None:
        """`audit_key`: without it nobody can test a guess."""
        self._keyed = hmac.new(audit_key, digestmod="sha256")

    def fresh(self) -> hmac.HMAC:
        """A running HMAC."""
        return self._keyed.copy()

    def name(
        self,
        about: tuple[str, Point, str, tuple[str, ...]],
        forwarded: bytes,
        settled: Beginning | None = None,
        before: Begun | None = None,
        compared: Beginning | None = None,
    ) -> Name:
        """The name of forwarding these bytes. `about`: deployment, point, protocol and targets.

        `settled`: what `forwarded` begins with, and the next request may too. `before`: where an earlier
        name got to; it is gone on from only where it is about the same and began with the same bytes.
        `compared`: what `forwarded` was found to begin with already.
        """
        deployment, point, protocol, targets = about
        aimed: list[Json] = [list(targets)] if targets else []
        head = canonical([deployment, point.value, protocol, *aimed]) + b"\n"
        done = 0
        if (
            before is not None
            and before.about == head
            and (before.forwarded is compared or before.forwarded.begins(forwarded))
        ):
            state, done = before.state.copy(), before.forwarded.size
        else:
            state = self.fresh()
            state.update(head)
        begun = None
        if settled is not None and settled.size >= done:
            state.update(memoryview(forwarded)[done : settled.size])
            begun, done = Begun(head, settled, state.copy()), settled.size
        state.update(memoryview(forwarded)[done:])
        return Name(Digest(state.hexdigest()), begun)
