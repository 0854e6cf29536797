"""What can go wrong at the edge of this room.

StoreError
├── EvidenceStoreError   the store cannot be opened, read or written
│   └── RoomFullError    one issuer's room is full; nothing was kept
├── LedgerIndexError     the index of a ledger can neither be read nor built
├── TranscriptStoreError the memory of what passed cannot be opened
├── HoldStoreError       what waits for people cannot be stored or read
├── OutboxError          notifications cannot be kept or read
├── ContributionStoreError what tells persons apart cannot be kept or read
│   └── ChainDiffersError  it is kept under another chain of keys than the one given
├── KeyStoreError        the issued API keys cannot be read or written
└── FolderError          a folder is not one that may be read as a bundle
"""


class StoreError(Exception):
    """Anything that a driver of this room reports; the message says what to do."""


class EvidenceStoreError(StoreError):
    """The evidence store cannot be opened, read or written."""


class RoomFullError(EvidenceStoreError):
    """An issuer has as many statements or manifests as it may have; other issuers are not affected."""


class TranscriptStoreError(StoreError):
    """The memory of the messages that passed cannot be opened."""


class HoldStoreError(StoreError):
    """What waits for people could not be stored or read. Nothing proceeds for want of it."""


class OutboxError(StoreError):
    """Notifications could not be kept or read. They are made again from the ledger; no use waits for them."""


class ContributionStoreError(StoreError):
    """Contributions could not be kept or read. A use whose persons cannot be kept is held back."""


class ChainDiffersError(ContributionStoreError):
    """What is kept is under another chain of keys than the one given, or under one where none is given."""


class KeyStoreError(StoreError):
    """The issued API keys cannot be read or written."""


class FolderError(StoreError):
    """The folder is not one that may be read as a bundle."""


class LedgerIndexError(StoreError):
    """The index of a ledger could neither be read nor built again. The ledger itself is not concerned."""
