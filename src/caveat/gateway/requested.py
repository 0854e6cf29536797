"""A request on its way to a use: read, compared with what passed before, and named."""

from collections.abc import Mapping, Sequence

from caveat.call.call import Call, Part, Point
from caveat.call.parts import Origin, RawPart, Terms, classify_after
from caveat.gateway.conversations import Conversation, classify_settled, digests_of, turn_of
from caveat.gateway.desk import Desk
from caveat.gateway.errors import RequestError
from caveat.gateway.evidence_header import read_evidence
from caveat.gateway.identity.callers import Caller
from caveat.gateway.ruling import Use
from caveat.gateway.wire import responses
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.request import WireRequest
from caveat.policy.bundle import Bundle


def read_use(
    desk: Desk, wire: Wire, caller: Caller, headers: Mapping[str, str], body: bytes
) -> tuple[Use, WireRequest]:
    """The use in these bytes; raises `RequestError`. Nothing is decided yet."""
    owner = (caller.deployment.id, caller.principal, wire.NAME, wire.ACTION)
    before = desk.conversations.find(owner, body)
    known = None if before is None else before.known
    request = wire.parse_request(body, max_bytes=desk.max_body_bytes, known=known)
    # An endpoint that keeps content may keep a call in it.
    request.pairing.check(calls_elsewhere=lambda: any(map(_is_kept, request.raw_parts)))
    sent = request
    if wire.ACTION == responses.ACTION:
        request = desk.responses.resolved(caller.deployment.id, request)
    evidence = read_evidence(headers)
    law = caller.law
    bundle = law.bundle
    settled_digests = digests_of(request.raw_parts[: request.settled], before)
    digests = settled_digests.union([part.digest for part in request.raw_parts[request.settled :]])
    found = law.witnesses.find(evidence, request.raw_parts, digests)
    _check_claims(request, bundle)
    terms = Terms(
        request.extension.declared,
        found.covered,
        bundle.typed_text_max_bytes,
        caller.deployment.max_identifiers,
    )
    settled = classify_settled(request, terms, before)
    classified = classify_after(settled, request.raw_parts, terms)
    parts = classified.parts
    _check_declared(request, parts)
    deployment, targets = caller.deployment, request.extension.targets
    name = desk.gate.namer.name(
        (deployment.id, Point.PROMPT, f"{wire.NAME}/{wire.ACTION}", targets),
        request.forward,
        request.settled_forward,
        None if before is None else before.begun,
        None if known is None or request.is_rendered else known.prefix,
    )
    passage = None
    if desk.transcripts is not None:
        heard = None if before is None or request is not sent else before.heard
        passage = desk.transcripts.compare((deployment.id, caller.principal), request.utterances, heard)
    call = Call(
        point=Point.PROMPT,
        protocol=wire.NAME,
        deployment=deployment.id,
        model=request.model,
        parts=parts,
        claims=request.extension.claims,
        stream=request.stream,
        action_digest=name.digest,
        evidence=evidence,
        workflow=request.extension.workflow,
        form=request.form,
        targets=targets,
        data=classified.data,
        history=None if passage is None else passage.state,
    )
    turn = turn_of(settled, before)
    if request.known is not None:
        turn.conversation = Conversation(request.known, settled, settled_digests, name.begun, turn.cited)
        turn.conversation.heard = None if passage is None or request is not sent else passage.heard
        desk.conversations.keep(owner, turn.conversation, before)
    principal, speakers = caller.principal, caller.speakers
    use = Use(law, deployment, principal, wire.ACTION, call, found, speakers, turn, sent, passage, request)
    return use, sent


def _check_claims(request: WireRequest, bundle: Bundle) -> None:
    if request.extension.claims.keys() - bundle.registry.facts.keys():
        raise RequestError(
            400,
            "unknown_claim",
            "`caveat.claims` names a fact that the policy bundle does not declare",
            "facts.toml of the bundle in force declares the facts",
        )


def _check_declared(request: WireRequest, parts: Sequence[Part]) -> None:
    declared = request.extension.declared
    if declared and not declared.keys() <= {part.pointer for part in parts}:
        raise RequestError(
            400, "unknown_part", "`caveat.data` names a part that the request has not", "see its pointers"
        )


def _is_kept(part: RawPart) -> bool:
    """Whether a part only names what the endpoint keeps. A message may call its own role anything."""
    return part.role == "stored" and part.origin is Origin.OPAQUE and "/content" not in part.pointer
