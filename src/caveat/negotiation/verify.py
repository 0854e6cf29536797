"""Verifying a proof offline, from its file and the log's public key, step by step."""

from collections.abc import Mapping, Sequence

from caveat.ledger.checkpoint import Checkpoint, verify_checkpoint
from caveat.ledger.errors import CheckpointParseError, RecordParseError
from caveat.negotiation.act import Act, verify_act
from caveat.negotiation.errors import (
    ActParseError,
    Flaw,
    FolderError,
    PartiesParseError,
    ProofError,
    RefusedActError,
)
from caveat.negotiation.folder import fold_leaves, parse_terms
from caveat.negotiation.parties import Parties, parse_parties
from caveat.negotiation.proof import (
    AbsentModel,
    OfferedModel,
    ProofModel,
    Proved,
    Sought,
    decode,
    find_clause,
    parse_proof,
    read_terms,
    refuse_found,
)
from caveat.policy.bundle import bundle_digest
from caveat.signing.canonical import JsonObject  # noqa: TC001 - as elsewhere, for readers at run time
from caveat.signing.digest import Digest
from caveat.signing.merkle import CompactRange, leaf_hash, root_of, verify_inclusion
from caveat.signing.note import NoteKey


def verify_proof(
    data: bytes, key: NoteKey, *, parties: Parties | None = None, held: bytes | None = None
) -> Proved:
    """What the proof in `data` shows; raises `ProofError` with the first step that does not hold.

    `key`: the log's, as the reader holds it. `parties`: their keys, as the reader holds them. `held`: a
    checkpoint of this log that somebody else has kept. Steps: 1 shape. 2 the checkpoint's signature. 3 the
    parties. 4 the records are those under the root. 5 every act is signed and admitted. 6 files have their
    digests. 7 the claim itself. 8 the checkpoint held outside.
    """
    model = parse_proof(data)  # 1
    try:
        checkpoint = verify_checkpoint(model.checkpoint.encode(), key)  # 2
    except CheckpointParseError as error:
        raise ProofError(Flaw.CHECKPOINT, str(error), "is this the key of that log?") from error
    named = _parties(model.parties, key, parties)  # 3
    leaves = [decode(text) for text in model.leaves]
    files = _files(model.files)  # 6
    if isinstance(model.claim, OfferedModel):
        proved = _verify_offered(model, model.claim, leaves, checkpoint, named, files)
    else:
        proved = _verify_absent(model.claim, leaves, checkpoint, named, files, key)
    pinned = _verify_held(held, key, checkpoint, leaves if model.placed is None else None)  # 8
    keys_from = (
        "the keys of the parties are those that you passed"
        if parties is not None
        else "the keys of the parties are theirs: they are taken from the proof (--parties FILE takes yours)"
    )
    return Proved(proved.claim, proved.shows, (*proved.assumes, keys_from, pinned))


def _verify_offered(
    model: ProofModel,
    claim: OfferedModel,
    leaves: Sequence[bytes],
    checkpoint: Checkpoint,
    parties: Parties,
    files: Mapping[Digest, Mapping[str, bytes]],
) -> Proved:
    placed = model.placed
    if placed is None or len(leaves) != 1 or model.kind != "terms_offered":
        raise ProofError(Flaw.MALFORMED, "the proof holds not exactly one record and its place")
    path = [bytes.fromhex(node) for node in placed.path]
    if not verify_inclusion(leaf_hash(leaves[0]), placed.index, checkpoint.size, path, checkpoint.root):  # 4
        raise ProofError(Flaw.NOT_INCLUDED, "the record does not stand there under the signed root")
    time, act = _act(leaves[0], parties)  # 5
    if not act.puts_terms or act.terms != claim.offered:
        raise ProofError(Flaw.NOT_OFFERED, "the record offers no such terms")
    if claim.clause is not None:
        if act.terms not in files:
            raise ProofError(Flaw.FILES, "the terms themselves are missing, so no clause can be looked for")
        find_clause(read_terms(files[act.terms]), Sought(claim.clause, None), act.terms)  # 7
    where = "" if claim.clause is None else f", clause `{claim.clause}` among them,"
    says = (
        f"`{act.party}` offered the terms {act.terms}{where} to {_names(act.to)}",
        f"recorded at {time} as record {placed.index} of {checkpoint.size}",
        f"signed by `{act.party}`, dated {act.time}",
    )
    document: JsonObject = {
        "kind": model.kind,
        "terms": act.terms,
        "clause": claim.clause,
        "party": act.party,
        "to": list(act.to),
        "recorded": time,
        "signed": act.time,
    }
    return Proved(document, says, ("the time is that of the log's clock and of the party's",))


def _verify_absent(
    claim: AbsentModel,
    leaves: Sequence[bytes],
    checkpoint: Checkpoint,
    parties: Parties,
    files: Mapping[Digest, Mapping[str, bytes]],
    key: NoteKey,
) -> Proved:
    if claim.clause is None and claim.content is None:
        raise ProofError(Flaw.MALFORMED, "the proof is about no clause")
    if (
        len(leaves) != checkpoint.size or root_of([leaf_hash(leaf) for leaf in leaves]) != checkpoint.root
    ):  # 4
        raise ProofError(Flaw.INCOMPLETE, "the records are not exactly those under the signed root, in order")
    try:
        negotiation = fold_leaves(parties, key.key.raw, leaves)  # 5
    except (FolderError, RefusedActError) as error:
        raise ProofError(Flaw.ACT, str(error)) from error
    sought = Sought(claim.clause, None if claim.content is None else Digest(claim.content))
    offers = refuse_found(negotiation, sought, claim.before, files)  # 7
    imports = sum(
        not recorded.act.puts_terms and recorded.act.document is not None for recorded in negotiation.acts
    )
    what = " and ".join(
        ([f"a clause `{claim.clause}`"] if claim.clause else [])
        + ([f"a clause with the content {claim.content}"] if claim.content else [])
    )
    until = "in this log" if claim.before is None else f"before {claim.before}"
    shows = (
        f"{what} stood in no offer {until}",
        f"looked at: {offers} offers and counter-offers among all {checkpoint.size} records of the log",
    )
    assumes = (
        ["a clause that says the same in other words is another clause here"]
        if claim.content
        else ["the same clause under another id is not looked for (--like BUNDLE compares its content)"]
    )
    if imports:
        assumes.append(f"{imports} imported documents are prose, and were not searched")
    last = negotiation.acts[-1].time if negotiation.acts else ""
    if claim.before is not None and last < claim.before:
        assumes.append(
            f"the checkpoint was made at or after {claim.before}: the last record is of {last or 'no time'}, "
            "and a checkpoint says no time itself"
        )
    assumes.append("the log's clock was right when records were made; it never went back")
    document: JsonObject = {
        "kind": "clause_absent",
        "clause": claim.clause,
        "content": claim.content,
        "before": claim.before,
        "offers": offers,
        "records": checkpoint.size,
    }
    return Proved(document, shows, tuple(assumes))


def _verify_held(
    held: bytes | None, key: NoteKey, checkpoint: Checkpoint, leaves: Sequence[bytes] | None
) -> str:
    if held is None:
        return (
            "this log is the only one with this key: another history, shown elsewhere, cannot be seen from "
            "one proof (--held FILE takes a checkpoint that another party or a witness keeps)"
        )
    try:
        other = verify_checkpoint(held, key)
    except CheckpointParseError as error:
        raise ProofError(Flaw.HELD, f"the checkpoint held outside: {error}") from error
    if other.size == checkpoint.size:
        agrees = other.root == checkpoint.root
    elif leaves is None or other.size > checkpoint.size:
        raise ProofError(
            Flaw.HELD,
            f"the checkpoint held outside is of {other.size} records and this proof of {checkpoint.size}",
            "ask for a proof under the checkpoint that you hold, or for one with every record (--absent)",
        )
    else:
        prefix = CompactRange()
        for leaf in leaves[: other.size]:
            prefix.append(leaf_hash(leaf))
        agrees = prefix.root() == other.root
    if not agrees:
        raise ProofError(Flaw.HELD, "the log was forked: the checkpoint held outside is of another history")
    return (
        f"whoever keeps the checkpoint of {other.size} records, which this log continues, kept it unchanged"
    )


def _act(leaf: bytes, parties: Parties) -> tuple[str, Act]:
    try:
        record = parse_terms(leaf)
        if record is None:
            raise ProofError(Flaw.ACT, "the record is no act")
        act = verify_act(record.envelope.encode(), parties)
    except (RecordParseError, ActParseError, RefusedActError) as error:
        raise ProofError(Flaw.ACT, str(error)) from error
    if act.kept != record.bundle:
        raise ProofError(Flaw.ACT, "the record keeps other files than the act speaks of")
    return record.time, act


def _parties(text: str, key: NoteKey, own: Parties | None) -> Parties:
    try:
        named = parse_parties(decode(text))
    except PartiesParseError as error:
        raise ProofError(Flaw.PARTIES, str(error)) from error
    if named.negotiation != key.name:
        raise ProofError(Flaw.PARTIES, "the parties are those of another negotiation")
    if own is not None and own.keys != named.keys:
        raise ProofError(Flaw.PARTIES, "the parties have other keys than those that you hold")
    return named


def _files(given: Mapping[str, Mapping[str, str]]) -> dict[Digest, Mapping[str, bytes]]:
    files: dict[Digest, Mapping[str, bytes]] = {}
    for digest, parts in given.items():
        decoded = {name: decode(text) for name, text in parts.items()}
        try:
            right = bundle_digest(decoded) == digest
        except ValueError as error:
            raise ProofError(Flaw.FILES, "a file of the terms has no plain name") from error
        if not right:
            raise ProofError(
                Flaw.FILES, f"the files given for the terms `{digest[:16]!a}` have another digest"
            )
        files[Digest(digest)] = decoded
    return files


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
