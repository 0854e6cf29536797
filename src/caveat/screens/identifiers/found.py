"""What an identifier may be, and where one stands in a text."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of identifiers."""

    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    NATIONAL_ID = "national_id"
    ACCOUNT = "account"
    IBAN = "iban"
    CARD = "card"
    PLATE = "plate"
    ADVERTISING_ID = "advertising_id"
    DEVICE_ID = "device_id"
    IMEI = "imei"
    MAC = "mac"
    IP = "ip"
    POSITION = "position"


@dataclass(frozen=True, slots=True)
class Found:
    """An identifier of a kind that stands at `text[start:end]`."""

    kind: Kind
    start: int
    end: int


DEVICES = frozenset({Kind.ADVERTISING_ID, Kind.DEVICE_ID, Kind.IMEI, Kind.MAC, Kind.IP})
"""What tells devices apart, and persons only where something links the two."""
