"""Proofs about a negotiation that an outsider verifies offline, from one file and the log's public key.

*Offered*: the record, its place in the tree, the signed checkpoint, and the offering party's signature.
*Absent*: every record up to the checkpoint, and the files of every offer that counts, so that nothing was
left out. Verification believes nothing that the file says of itself: digests, signatures, tree and rules are
derived again. Each proof is of one log; that there is no other is an assumption, which a checkpoint that
somebody else holds pins down.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.negotiation.clauses import Item, items
from caveat.negotiation.errors import (
    Flaw,
    ProofError,
)
from caveat.negotiation.protocol import Negotiation, Recorded
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
from caveat.signing.canonical import JsonObject, StrictJsonError, parse_strict
from caveat.signing.digest import Digest

MAX_PROOF_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sought:
    """A clause to look for: by its id, by its content, or by either."""

    id: str | None
    content: Digest | None

    def matches(self, item: Item) -> bool:
        """Whether this is the clause, or one that says the same under another id."""
        by_id = self.id is not None and (self.id == item.id or self.id in item.policies)
        return by_id or (self.content is not None and self.content == item.content)


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof shows. `shows` and `assumes` are sentences for people."""

    claim: JsonObject
    shows: tuple[str, ...]
    assumes: tuple[str, ...]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OfferedModel(_Strict):
    offered: str
    clause: str | None


class AbsentModel(_Strict):
    clause: str | None
    content: Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")] | None
    before: Annotated[str, Field(pattern=r"^[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z\z")] | None


class PlacedModel(_Strict):
    index: Annotated[int, Field(ge=0)]
    path: list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]]


class ProofModel(_Strict):
    version: Literal[1]
    kind: Literal["terms_offered", "clause_absent"]
    parties: str
    checkpoint: str
    leaves: list[str]
    placed: PlacedModel | None
    claim: OfferedModel | AbsentModel
    files: dict[str, dict[str, str]]


def parse_proof(data: bytes) -> ProofModel:
    try:
        return ProofModel.model_validate(parse_strict(data, max_bytes=MAX_PROOF_BYTES, max_depth=8))
    except (StrictJsonError, ValidationError) as error:
        raise ProofError(
            Flaw.MALFORMED, "the file is no proof of this version", "`caveat terms prove FOLDER` makes one"
        ) from error


def decode(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ProofError(Flaw.MALFORMED, "the proof holds malformed base64") from error
    return raw


def relevant_offers(negotiation: Negotiation, before: str | None) -> list[Recorded]:
    """The offers that count: logged or signed before the time; a back-dated one as early as it says."""
    return [
        recorded
        for recorded in negotiation.acts
        if recorded.act.puts_terms and (before is None or min(recorded.time, recorded.act.time) < before)
    ]


def refuse_found(
    negotiation: Negotiation, sought: Sought, before: str | None, files: Mapping[Digest, Mapping[str, bytes]]
) -> int:
    """How many offers were looked at; raises `ProofError` where one holds the clause, or cannot be read."""
    relevant = relevant_offers(negotiation, before)
    for recorded in relevant:
        terms = recorded.act.terms
        if terms not in files:
            raise ProofError(Flaw.FILES, f"the terms of record {recorded.id} are missing")
        if any(sought.matches(item) for item in items(read_terms(files[terms])).values()):
            raise ProofError(
                Flaw.CLAUSE_STOOD,
                f"the clause stood in the {recorded.act.kind.value} of record {recorded.id}",
            )
    return len(relevant)


def find_clause(bundle: Bundle, sought: Sought, terms: Digest) -> None:
    if not any(sought.matches(item) for item in items(bundle).values()):
        raise ProofError(Flaw.CLAUSE_MISSING, f"the terms `{terms[:16]}` have no clause `{sought.id}`")


def read_terms(files: Mapping[str, bytes]) -> Bundle:
    try:
        return parse_bundle(files)
    except BundleError as error:
        raise ProofError(Flaw.FILES, "the terms are no policy bundle that this version reads") from error
