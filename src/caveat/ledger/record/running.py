"""Records of the gateway itself: that it serves, where its calls go, and what was measured of it."""

from dataclasses import dataclass

from caveat.signing.digest import Digest


@dataclass(frozen=True, slots=True)
class OpenPath:
    """A path on which a planted use was not refused as it has to be. `direction`: request, answer or event.

    `what`: words, or a call of a tool. `why`: `undecided`, `unscanned`, or `unmeasured` where nothing could
    be planted; then `endpoint` is `*`.
    """

    endpoint: str
    direction: str
    what: str
    stream: bool
    why: str


@dataclass(frozen=True, slots=True)
class PathsRecord:
    """The gateway planted so many uses, one on each live path under `bundle`; those of `open` held not."""

    time: str
    bundle: Digest
    planted: int
    open: tuple[OpenPath, ...]


@dataclass(frozen=True, slots=True)
class StartRecord:
    """A process began to serve with this bundle; `version` is the product's, `origin` the log's."""

    time: str
    bundle: Digest
    version: str
    origin: str
    development: bool = False


@dataclass(frozen=True, slots=True)
class RoutesRecord:
    """From here on calls go to the upstreams that have this digest together. Verdicts do not depend on it."""

    time: str
    routes: Digest


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """Of one arm: the uses let through to somebody without an issuer's key, and the twins that passed.

    None where it was not measured: never zero.
    """

    arm: str
    unsafe: int | None
    uses: int | None
    twins_passed: int | None
    twins: int | None


@dataclass(frozen=True, slots=True)
class AssayRecord:
    """A signed report of the assay was taken into this log.

    `bundle`: the policy that it measured. `envelope`: the digest of the signed file. `key`: the signer's id.
    `run`: the digest of all verdicts. `complete`: the run came to its end. Source: ADR-0035.
    """

    time: str
    bundle: Digest
    envelope: Digest
    key: Digest
    run: Digest
    complete: bool
    arms: tuple[ArmFigures, ...]


@dataclass(frozen=True, slots=True)
class HeartbeatRecord:
    """The process was alive, as it says every so many seconds.

    `witnessed`: records under a quorum by then.
    """

    time: str
    every_seconds: int
    witnessed: int


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The key `before` hands the log over to the key `after`. Both are verifier keys of this log."""

    time: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class StoppedRecord:
    """The ledger takes no further record from this process. `reason` is a code, as `disk_full`."""

    time: str
    reason: str
