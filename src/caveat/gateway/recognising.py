"""What is known again in parts, by manifests whose issuers signed for them."""

from collections.abc import Callable, Iterable
from typing import Protocol

from caveat.evidence.check import Checked
from caveat.evidence.envelope import VerifiedEnvelope
from caveat.evidence.manifest import Manifest, ManifestParseError, parse_manifest
from caveat.evidence.recognition import Index as RecognitionIndex
from caveat.evidence.recognition import Recognition, recognise
from caveat.gateway.errors import RequestError
from caveat.gateway.ports import KeptManifest
from caveat.signing.digest import Digest


class Manifests(RecognitionIndex, Protocol):
    """The leaf sets at hand. A failure is a `FaultError`."""

    @property
    def size(self) -> int:
        """How many there are; none costs nothing."""
        ...

    def put(self, manifest: Manifest, issuer: str, lineage: str) -> bool:
        """Keeps one, durably; False if it was there."""
        ...


class RecognitionCache:
    """What was known again of contents, by their digests: a history that is sent again is not read again."""

    def __init__(self, index: Manifests, limit: int = 1024) -> None:
        """Forgets everything as soon as a manifest is added."""
        self._index = index
        self._limit = limit
        self._size = 0
        self._found: dict[Digest, Recognition | None] = {}

    def __call__(self, digest: Digest, content: bytes) -> Recognition | None:
        """As `recognise`."""
        if self._size != self._index.size:
            self._found.clear()
            self._size = self._index.size
        if digest not in self._found:
            if len(self._found) >= self._limit:
                del self._found[next(iter(self._found))]
            self._found[digest] = recognise(content, self._index)
        return self._found[digest]


def keep_manifest(
    data: bytes,
    manifests: Manifests,
    about: Callable[[Iterable[Digest]], tuple[bytes, ...]],
    admit: Callable[[bytes], VerifiedEnvelope | Checked],
) -> KeptManifest:
    """Stores a manifest whose list is the one under its head, and whose head an admitted statement names.

    `about`: the stored envelopes about a digest. Raises `RequestError` where no statement is admitted: nobody
    fills the store without an issuer.
    """
    try:
        manifest = parse_manifest(data)
    except ManifestParseError as error:
        raise RequestError(
            400, "manifest_invalid", "this manifest does not hold, so it was not stored", str(error)
        ) from error
    for raw in about([manifest.digest]):
        admitted = admit(raw)
        if isinstance(admitted, VerifiedEnvelope):
            keyid = admitted.issuer.keyid
            lineage = admitted.statement.source or manifest.digest
            new = manifests.put(manifest, keyid, lineage)
            return KeptManifest(manifest.digest, manifest.kind, len(manifest.leaves), keyid, new)
    raise RequestError(
        400,
        "manifest_unsigned",
        "no stored statement that holds names this manifest, so it was not stored",
        "upload the statement about it first, as issued by `caveat attest data --parts`",
    )
