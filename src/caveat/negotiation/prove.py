"""Making a proof from an opened negotiation; the form is in `proof`. Whatever is made is verified at once."""

import base64
from collections.abc import Mapping, Sequence

from caveat.negotiation.errors import (
    Flaw,
    ProofError,
)
from caveat.negotiation.folder import Opened
from caveat.negotiation.proof import (
    Sought,
    find_clause,
    read_terms,
    refuse_found,
    relevant_offers,
)
from caveat.negotiation.verify import verify_proof
from caveat.signing.canonical import Json, JsonObject, canonical
from caveat.signing.digest import Digest
from caveat.signing.merkle import inclusion_proof, leaf_hash, root_of


def prove_offered(opened: Opened, terms: Digest, clause: str | None, to: str | None = None) -> bytes:
    """The proof that these terms were offered (to that party), by the first record; raises `ProofError`."""
    recorded = next(
        (
            act
            for act in opened.negotiation.acts
            if act.act.puts_terms and act.act.terms == terms and to in (None, *act.act.to)
        ),
        None,
    )
    if recorded is None:
        raise ProofError(Flaw.NOT_OFFERED, f"the terms `{terms[:16]}` stand in no offer of this log")
    files: dict[Digest, Mapping[str, bytes]] = {}
    if clause is not None:
        files[terms] = opened.files(terms)
        find_clause(read_terms(files[terms]), Sought(clause, None), terms)
    hashes = [leaf_hash(leaf) for leaf in opened.leaves]
    size = len(hashes)
    path = inclusion_proof(
        recorded.index, size, lambda level, at: root_of(hashes[at << level : (at + 1) << level])
    )
    placed: JsonObject = {"index": recorded.index, "path": [node.hex() for node in path]}
    claim: JsonObject = {"offered": terms, "clause": clause}
    leaf = opened.leaves[recorded.index]
    return _render("terms_offered", opened, [leaf], placed, claim, files)


def prove_absent(opened: Opened, sought: Sought, before: str | None) -> bytes:
    """The proof that a clause stood in no offer (before a time, as logged or as signed); raises `ProofError`.

    Carries every record of the log. Where the clause did stand in an offer, it raises: that is disproved.
    """
    files: dict[Digest, Mapping[str, bytes]] = {}
    for recorded in relevant_offers(opened.negotiation, before):
        files[recorded.act.terms] = opened.files(recorded.act.terms)
    refuse_found(opened.negotiation, sought, before, files)
    claim: JsonObject = {"clause": sought.id, "content": sought.content, "before": before}
    return _render("clause_absent", opened, opened.leaves, None, claim, files)


def _render(
    kind: str,
    opened: Opened,
    leaves: Sequence[bytes],
    placed: JsonObject | None,
    claim: JsonObject,
    files: Mapping[Digest, Mapping[str, bytes]],
) -> bytes:
    carried: dict[str, Json] = {
        digest: {name: _encode(data) for name, data in parts.items() if not name.startswith("signatures/")}
        for digest, parts in files.items()
    }
    rendered: list[Json] = [_encode(leaf) for leaf in leaves]
    proof = canonical(
        {
            "version": 1,
            "kind": kind,
            "parties": _encode(opened.negotiation.parties.render()),
            "checkpoint": opened.checkpoint.decode(),
            "leaves": rendered,
            "placed": placed,
            "claim": claim,
            "files": carried,
        }
    )
    verify_proof(proof, opened.key)  # whoever makes a proof learns at once what nobody would accept
    return proof


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
