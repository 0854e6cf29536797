"""The gateway without one or several of its safeguards: a program for measuring, outside the package.

    python eval/arms/without.py --without binding,totals serve --bundle ...

Each safeguard is one function, replaced by name before the gateway starts; a name that is gone is an error.
It serves a bundle marked as for development on the loopback interface and nothing else. It is in no wheel
and in no image: the product has no switch for any of this. Source: ADR-0032.
"""

import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

from caveat.cli.main import main
from caveat.evidence import check as evidence_check
from caveat.evidence import envelope as evidence_envelope
from caveat.evidence.binding import Bound
from caveat.evidence.defects import DefectCode
from caveat.gateway import gather as gateway_gather
from caveat.gateway import shape as gateway_shape
from caveat.gateway import use_redaction
from caveat.gateway.coverage import CoverageProof
from caveat.gateway.gate import Gate
from caveat.monitors.once import Once
from caveat.oversight import review as oversight_review
from caveat.screens.phrases import PhraseScan, PhraseScreen
from caveat.signing.digest import Digest
from caveat.signing.dsse import Signers


def _signatures() -> None:
    """Whoever is named as the signer has signed; nobody is named for an unknown key."""

    def believe(envelope: Any, enrolled: Mapping[Digest, Any]) -> Signers:
        named = {Digest(signature.keyid) for signature in envelope.signatures}
        return Signers(frozenset(named & enrolled.keys()), frozenset())

    _swap(evidence_envelope, "verify_signers", believe)


def _time() -> None:
    """No statement is too old, too long or not yet valid."""
    _swap(evidence_check, "_out_of_time", lambda verified, trust, now: None)


def _binding() -> None:
    """What is attested of other data is attested of all of these; `_audience` drops for whom."""
    bind = evidence_check.bind

    def bound_anyway(statement: Any, parts: Any, targets: Any, registration: Any) -> Bound:
        bound = bind(statement, parts, targets, registration)
        return bound if isinstance(bound, Bound) else Bound(parts)

    _swap(evidence_check, "bind", bound_anyway)


def _proof_at_start() -> None:
    """A gateway whose points of control do not hold refuses to serve, as it should; here it is measured."""

    async def unproved(self: CoverageProof) -> None:
        """Nothing is proved."""

    _swap(CoverageProof, "__call__", unproved)


def _audience(out: frozenset[str]) -> None:
    """For which deployment, and by whom: the two halves of one function, each with a safeguard of its own."""

    def wrong(verified: Any, use: Any) -> DefectCode | None:
        if "binding" not in out and use.deployment not in verified.statement.audience:
            return DefectCode.AUDIENCE
        if "other-issuer" not in out and verified.issuer.deployment == use.deployment:
            return DefectCode.SELF_ATTESTED
        return None

    _swap(evidence_check, "_wrong_audience", wrong)


def _single_use() -> None:
    """What was used up may be used again."""
    _swap(Once, "consumed_by", lambda self, once: None)


def _totals() -> None:
    """Every use is the first of its source."""
    total_facts: Callable[..., Any] = gateway_gather.total_facts

    @wraps(total_facts)
    def without_totals(registry: Any, deployment: Any, registered: Any, totals: Any) -> Any:
        del totals
        return total_facts(registry, deployment, registered, {})

    _swap(gateway_gather, "total_facts", without_totals)


def _tool_calls() -> None:
    """Calls of tools are decided and recorded, and pass whatever was decided."""
    _unenforced("decide_tools")


def _answers() -> None:
    """Answers are decided and recorded, and pass whatever was decided."""
    _unenforced("decide_output")


def _phrases() -> None:
    """No phrase is ever found, in a text or in a stream."""
    _swap(PhraseScan, "_step", lambda self, word, start, end, found: None)
    _swap(PhraseScreen, "scan", lambda self, text: {})


def _workflows() -> None:
    """Whoever names a workflow is taken for it."""
    _swap(gateway_shape, "is_workflow", lambda workflow, call, attested: True)


def _redaction() -> None:
    """Nothing is replaced in a request, and none is refused for what cannot be read in it."""
    _swap(use_redaction, "redact_request", lambda redacting, bound, placeholders, request: None)


def _approvals() -> None:
    """Whatever somebody signs counts as a review, however fast and however much at once."""
    _swap(oversight_review, "_no_review", lambda decided, floors, standing: ())


def _unenforced(name: str) -> None:
    decide: Callable[..., Any] = getattr(Gate, name)

    @wraps(decide)
    async def unenforced(self: Gate, *args: Any, **kwargs: Any) -> Any:
        made = await decide(self, *args, **kwargs)
        if isinstance(made, tuple):
            return tuple(replace(one, enforced=False) for one in made)
        return replace(made, enforced=False)

    _swap(Gate, name, unenforced)


def _swap(owner: Any, name: str, function: Callable[..., Any]) -> None:
    """Replaces what is there; raises `AttributeError` for a name that is not."""
    if not callable(getattr(owner, name)):
        raise TypeError(f"`{name}` is no function")
    setattr(owner, name, function)


SAFEGUARDS: Mapping[str, Callable[[], None]] = {
    "signatures": _signatures,
    "time": _time,
    "binding": _binding,
    "other-issuer": lambda: None,  # `_audience` does it
    "single-use": _single_use,
    "totals": _totals,
    "tool-calls": _tool_calls,
    "answers": _answers,
    "phrases": _phrases,
    "workflows": _workflows,
    "redaction": _redaction,
    "approvals": _approvals,
}


def run(arguments: list[str]) -> None:
    """Takes the named safeguards out, then is `caveat` with the rest of the arguments."""
    if arguments[:1] != ["--without"] or len(arguments) < 2:
        raise SystemExit("usage: without.py --without NAME[,NAME] serve ...")
    names = [name for name in arguments[1].split(",") if name]
    unknown = sorted(set(names) - SAFEGUARDS.keys())
    if unknown:
        raise SystemExit(f"no such safeguard: {', '.join(unknown)}; there are {', '.join(SAFEGUARDS)}")
    _only_in_development(arguments[2:])
    _audience(frozenset(names))
    _proof_at_start()
    for name in names:
        SAFEGUARDS[name]()
    sys.argv = ["caveat", *arguments[2:]]
    main()


def _only_in_development(arguments: list[str]) -> None:
    """Ends the program unless the bundle is one whose keys anybody could have: no party ever signed it."""
    folder = Path(arguments[arguments.index("--bundle") + 1]) if "--bundle" in arguments[:-1] else Path()
    manifest = folder / "bundle.toml"
    if not manifest.is_file() or tomllib.loads(manifest.read_text()).get("development") is not True:
        raise SystemExit("this program serves a bundle for development alone: name one with --bundle")


if __name__ == "__main__":
    run(sys.argv[1:])
