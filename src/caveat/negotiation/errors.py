"""What goes wrong in a negotiation. Messages are lower case, one line, without content of a document.

NegotiationError
├── PartiesParseError    these are no parties, or two of them are one
├── ActParseError        the bytes are no act of a negotiation
├── RefusedActError      the protocol does not allow this act; `code` says which rule
├── DocumentError        the file is not one that may be imported; `code` says why
├── CertificateError     what was given as a pinned key or certificate is none
├── ProofError           the proof does not hold, or there is nothing to prove; `code` says why
└── FolderError          the folder holds no negotiation, or not this one
    └── BrokenLogError   it does, and what it holds does not stand
"""

from enum import StrEnum


class NegotiationError(Exception):
    """The root. `hint` says what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        """`message`: lower case, one line."""
        super().__init__(message)
        self.hint = hint


class PartiesParseError(NegotiationError):
    """Names or keys of the parties are malformed, shared or missing."""


class ActParseError(NegotiationError):
    """The bytes are no signed act."""


class Rule(StrEnum):
    """The rules that an act can break: a closed set, in `docs/reference/terms.md`."""

    NOT_SIGNED = "not_signed"
    FORGED = "forged"
    UNKNOWN_PARTY = "unknown_party"
    UNKNOWN_RECIPIENT = "unknown_recipient"
    OTHER_NEGOTIATION = "other_negotiation"
    OTHER_PARTIES = "other_parties"
    OTHER_FILES = "other_files"
    KEY_REUSED = "key_reused"
    TIME_WENT_BACK = "time_went_back"
    TIME_AHEAD = "time_ahead"
    TIME_BEHIND = "time_behind"
    REPEATED = "repeated"
    NO_SUCH_OFFER = "no_such_offer"
    OWN_OFFER = "own_offer"
    NOT_ADDRESSED = "not_addressed"
    NOT_STANDING = "not_standing"
    OTHER_TERMS = "other_terms"
    SAME_TERMS = "same_terms"


class RefusedActError(NegotiationError):
    """An act that breaks a rule. Nothing was recorded."""

    def __init__(self, code: Rule, message: str, hint: str = "") -> None:
        """`code`: the rule."""
        super().__init__(message, hint)
        self.code = code


class DocumentError(NegotiationError):
    """A document that may not be imported."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        """`code`: a limit of `mail`, or `not_a_mail`."""
        super().__init__(message, hint)
        self.code = code


class CertificateError(NegotiationError):
    """A pinned key record or certificate that cannot be read."""


class Flaw(StrEnum):
    """Why a proof does not hold: a closed set, in `docs/reference/terms.md`."""

    MALFORMED = "malformed"
    CHECKPOINT = "checkpoint"
    INCOMPLETE = "incomplete"
    NOT_INCLUDED = "not_included"
    PARTIES = "parties"
    ACT = "act"
    FILES = "files"
    NOT_OFFERED = "not_offered"
    CLAUSE_MISSING = "clause_missing"
    CLAUSE_STOOD = "clause_stood"
    HELD = "held"


class ProofError(NegotiationError):
    """The proof does not hold, or the log does not show what was to be proved."""

    def __init__(self, code: Flaw, message: str, hint: str = "") -> None:
        """`code`: the first step that failed."""
        super().__init__(message, hint)
        self.code = code


class FolderError(NegotiationError):
    """The folder cannot be read as a negotiation."""


class BrokenLogError(FolderError):
    """Records, files or the log itself are not what was signed and admitted."""
