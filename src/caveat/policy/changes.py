"""What differs between two bundles, part by part, and whose signatures each difference needs."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from caveat.policy.amend import Formula, render_amend
from caveat.policy.bundle import Bundle
from caveat.policy.consent import Consent
from caveat.policy.parts import Kind, parts_of
from caveat.signing.canonical import JsonObject

Action: TypeAlias = Literal["added", "changed", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs. `needs`: who has to sign for it."""

    kind: Kind
    id: str
    action: Action
    needs: Formula

    def render(self) -> JsonObject:
        """As an amendment lists it."""
        return {
            "kind": self.kind.value,
            "id": self.id,
            "action": self.action,
            "needs": render_amend(self.needs),
        }

    def describe(self) -> str:
        """In words: `clause R1.b was removed`."""
        return f"{self.kind.value} {self.id} was {self.action}"


def changes(old: Bundle, new: Bundle) -> tuple[Change, ...]:
    """Every part that differs, once, in a fixed order; empty exactly where both are one law.

    A clause that moves to another file is no change, and neither is a comment.
    """
    before, after = parts_of(old), parts_of(new)
    consent = Consent(old, new)
    order = {kind: place for place, kind in enumerate(Kind)}
    differing = [part for part in {**before, **after} if before.get(part) != after.get(part)]
    rows: list[Change] = []
    for kind, name in sorted(differing, key=lambda part: (order[part[0]], part[1])):
        action: Action = "changed"
        if (kind, name) not in before:
            action = "added"
        elif (kind, name) not in after:
            action = "removed"
        rows.append(Change(kind, name, action, consent.needed(kind, name)))
    return tuple(rows)
