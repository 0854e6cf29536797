"""What goes wrong in the ledger. A parser raises its own error only; everything else stands in one tree.

LedgerError
├── RefusedRecordError   this record cannot be written as it is; the ledger goes on
├── StoppedError         a disk fault or a close: no append was or will be acknowledged
├── LockedError          another process writes this log
├── FolderError          the folder is not a log, or not one that this key signs
├── RolledBackError      the disk holds less than what was signed: never sign over the gap
├── FencedError          another process has taken the log over: this one may not write any more
└── ForkError            the signer was asked for a second history of a size it has signed
ValueError
├── CheckpointParseError
├── PolicyParseError
├── ProofParseError
├── SubmissionParseError
├── ExportParseError
├── TileParseError
└── RecordParseError
"""


class LedgerError(Exception):
    """The root. `hint` says what to do next; neither it nor the message carries content."""

    def __init__(self, message: str, hint: str = "") -> None:
        """`message`: lower case, one line."""
        super().__init__(message)
        self.hint = hint


class RefusedRecordError(LedgerError):
    """This record cannot be written. Nothing was written; other records are not affected."""


class StoppedError(LedgerError):
    """The ledger takes no record any more. Whoever waits for one must not go on: it may not be durable."""


class LockedError(LedgerError):
    """Another process holds the log."""


class FolderError(LedgerError):
    """The folder cannot be opened as a log of this key and origin."""


class RolledBackError(LedgerError):
    """The folder lacks records under a checkpoint that was signed. Going on would fork the log."""


class FencedError(LedgerError):
    """Another process took the log over while this one was not looking. Nothing more is signed here."""


class ForkError(LedgerError):
    """A checkpoint was asked for that contradicts one already signed."""


class CheckpointParseError(ValueError):
    """The text is no checkpoint."""


class PolicyParseError(ValueError):
    """The bytes are no policy of logs, witnesses and a quorum."""


class ProofParseError(ValueError):
    """The bytes are no proof that a record is in a log."""


class SubmissionParseError(ValueError):
    """The bytes are no request to a witness, or no answer of one."""


class ExportParseError(ValueError):
    """The bytes are no audit export."""


class TileParseError(ValueError):
    """The bytes are no tile or entry bundle of the expected width."""


class RecordParseError(ValueError):
    """The bytes are no record of this version. The message names the place, never the content."""
