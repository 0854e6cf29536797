"""What can go wrong at the gateway's boundaries, each as a clear answer in the caller's protocol.

GatewayError
├── RequestError      the caller's bytes, key, path or budget: 400, 401, 403, 404, 413, 415, 429
└── FaultError        not the caller's: 502, 503, 504
    ├── UpstreamError     the model's endpoint is down, slow, cut off or talks nonsense
    └── LedgerError       a record could not be made durable, so nothing was released

A refusal is no error: it is a decision (`gateway/refusal.py`). Messages say what to do and repeat nothing
of a request.
"""


class GatewayError(Exception):
    """`status` and `code` of the answer, a message and the next step. Never content."""

    def __init__(self, status: int, code: str, message: str, hint: str = "") -> None:
        """`code` is one of those listed in `docs/reference/http.md`."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.retry_after: int | None = None
        """Seconds after which the very same call may succeed; None where asking again is no use."""


class RequestError(GatewayError):
    """The request cannot be read, or nobody may send it. Nothing was decided and nothing recorded."""


class FaultError(GatewayError):
    """The gateway or something behind it failed. Nothing undecided was released."""


class UpstreamError(FaultError):
    """The upstream gave no answer that could be released."""


class LedgerError(FaultError):
    """A record is not durable. Whatever it was about stays held back."""

    def __init__(self) -> None:
        """One answer for every cause: the cause stands in the operator's log."""
        super().__init__(
            503,
            "ledger_unavailable",
            "the ledger could not store the record, so nothing was released",
            "try again later; the operator sees the cause in the log and at /readyz",
        )
