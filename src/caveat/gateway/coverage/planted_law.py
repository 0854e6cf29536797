"""The law of planted uses: small enough to read, and never an operator's.

Three clauses refuse, each something that a shape could hide: words, data that nobody vouches for, and a call
of a tool. `words` refuses words alone, so that anything else passes there; `guarded` refuses data and calls.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NoReturn

from caveat.call.call import Call, Part
from caveat.call.parts import RawPart
from caveat.evidence.envelope import VerifiedEnvelope
from caveat.evidence.issuer import Purpose
from caveat.evidence.predicates import Predicate
from caveat.evidence.reading import OVERSEERS
from caveat.evidence.revocation import VerifiedRevocations
from caveat.facts.fact import Facts
from caveat.gateway.errors import RequestError
from caveat.gateway.gather import Gathered, gather
from caveat.gateway.law import law_of
from caveat.gateway.ports import Found, Law, SayingT
from caveat.labels.sketch import Bounds
from caveat.monitors.totals import Totals
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.policy.deployments import Deployment
from caveat.signing.digest import Digest, sha256

PHRASE = "planted heron at noon"
HARMLESS = "painted heron at noon"
"""As long as the phrase, so that what is planted and its twin differ in nothing else."""
WORDS_KEY, GUARDED_KEY = "planted-words", "planted-guarded"
_FACTS = """
version = 1
[facts.planted]
type = "long"
grade = "estimated"
hi = 100
severest = 100
about = "use"
amend = "nobody"
text = "Planted words."
[facts.persons]
type = "long"
about = "use"
attested_by = ["registration"]
observed_by = ["reach"]
hi = 1000
severest = 1000
amend = "nobody"
text = "Whoever could be reached: unknown wherever there are data or tools."
[facts.action_effect]
type = "enum"
values = ["none", "harmful"]
about = "use"
attested_by = ["registration"]
severest = "harmful"
amend = "nobody"
text = "What a call of a tool causes."
[facts.guarded]
type = "bool"
about = "deployment"
attested_by = ["registration"]
severest = true
amend = "nobody"
text = "Whether calls of tools count."
"""
_CLAUSES = """
@id("K1") @text("Whatever no other clause limits.") @authority("contract") @amend("nobody")
permit (principal, action, resource);
@id("K2") @text("No planted words.") @authority("contract") @amend("nobody")
forbid (principal, action, resource) when { context.planted > 50 };
@id("K3") @text("No data that nobody vouches for.") @authority("contract") @amend("nobody")
forbid (principal, action == Action::"prompt", resource) when { context.persons > 0 };
@id("K4") @text("No call of a tool that may do harm.") @authority("contract") @amend("nobody")
forbid (principal, action == Action::"tool", resource)
when { context.guarded && context.action_effect == "harmful" };
"""
_PHRASES = f"""
version = 1
hold_back_chars = 256
[phrases.planted]
fact = "planted"
score = 100
phrases = ["{PHRASE}"]
"""
_DEPLOYMENT = """
[deployments.{id}]
kind = "open_chat"
operator = "nobody"
owner_group = "nobody"
observers = [{observers}]
key_digests = ["{key}"]
[deployments.{id}.facts]
guarded = {guarded}
{facts}
"""


def planted_law() -> Law:
    """A law of its own for each self-test, so that nothing is remembered from an earlier one."""
    return law_of(parse_bundle(_files()), PlantedWitnesses)


def _files() -> dict[str, bytes]:
    words = _DEPLOYMENT.format(
        id="words", observers="", key=sha256(WORDS_KEY.encode()), guarded="false", facts="persons = 0"
    )
    guarded = _DEPLOYMENT.format(
        id="guarded", observers='"reach"', key=sha256(GUARDED_KEY.encode()), guarded="true", facts=""
    )
    trust = 'version = 1\nexpires_at = "2100-01-01T00:00:00Z"\nclock_skew_seconds = 60\n[issuers]\n'
    return {
        "bundle.toml": b'version = 1\nname = "planted"\nrelease = "1"\ntext = "Planted uses."\n'
        b'typed_text_max_bytes = 65536\n[actors.nobody]\nkeys = []\ntext = "Nobody."\n',
        "facts.toml": _FACTS.encode(),
        "trust.toml": trust.encode(),
        "tools.toml": b"version = 1\n",
        "phrases.toml": _PHRASES.encode(),
        "deployments.toml": f"version = 1\n{words}{guarded}".encode(),
        "clauses/planted.cedar": _CLAUSES.encode(),
    }


class PlantedWitnesses:
    """What is registered and what is in sight: no evidence and no store, so nothing is ever kept."""

    def __init__(self, bundle: Bundle) -> None:
        self._registry = bundle.registry
        self._totals = Totals()

    def find(
        self,
        presented: tuple[bytes, ...],  # noqa: ARG002 - the same
        parts: Sequence[RawPart],  # noqa: ARG002 - the same
        digests: frozenset[Digest],  # noqa: ARG002 - the same
    ) -> Found:
        """Nothing."""
        return Found()

    async def read(self, call: Call, deployment: Deployment, found: Found) -> None:
        """Nothing is compared."""

    def compared_call(self, cases: tuple[Facts, ...], parts: Sequence[Part]) -> tuple[Facts, ...]:  # noqa: ARG002 - the same
        """As they are."""
        return cases

    def gather(self, call: Call, deployment: Deployment, found: Found, now: datetime) -> Gathered:  # noqa: ARG002 - the same
        """As with any other law, but without evidence."""
        return gather(call, deployment, self._registry, (), self._totals, now)

    def hold(self, call: Call, gathered: Gathered, now: datetime) -> None:
        """Nothing is counted."""

    def keep_apart(self, gathered: Gathered) -> None:
        """Nobody is told apart."""

    def settle(self, call: Call, gathered: Gathered) -> None:
        """Nothing was counted."""

    def drop(self, call: Call, gathered: Gathered) -> None:
        """Nothing was."""

    def did(
        self, call: Call, deployment: Deployment, cases: tuple[Facts, ...], action: str, now: datetime
    ) -> None:
        """Nothing is counted."""

    def lately(
        self,
        call: Call,  # noqa: ARG002 - the same
        deployment: Deployment,  # noqa: ARG002 - the same
        cases: tuple[Facts, ...],  # noqa: ARG002 - the same
        now: datetime,  # noqa: ARG002 - the same
    ) -> Mapping[str, Bounds]:
        """No tool did anything."""
        return {}

    def admit(self, envelope: bytes, now: datetime) -> NoReturn:  # noqa: ARG002 - the same
        """Nothing is uploaded here."""
        raise _no_uploads()

    def admit_approval(self, envelope: bytes, now: datetime) -> NoReturn:  # noqa: ARG002 - the same
        """Nobody approves here."""
        raise _no_uploads()

    def admit_reading(
        self,
        envelope: bytes,  # noqa: ARG002 - the same
        origin: str,  # noqa: ARG002 - the same
        now: datetime,  # noqa: ARG002 - the same
        purposes: frozenset[Purpose] = OVERSEERS,  # noqa: ARG002 - the same
    ) -> NoReturn:
        """Nobody reads here."""
        raise _no_uploads()

    def admit_saying(
        self,
        envelope: bytes,  # noqa: ARG002 - the same
        origin: str,  # noqa: ARG002 - the same
        predicate: Predicate,  # noqa: ARG002 - the same
        model: type[SayingT],  # noqa: ARG002 - the same
        now: datetime,  # noqa: ARG002 - the same
    ) -> NoReturn:
        """Nobody halts or objects here."""
        raise _no_uploads()

    def persons_in(self, role: str, now: datetime) -> int:  # noqa: ARG002 - the same
        """Nobody is enrolled."""
        return 0

    def reader(self, key: Digest, now: datetime) -> None:  # noqa: ARG002 - the same
        """Nobody reads here."""
        return

    def readers(self, now: datetime) -> tuple[()]:  # noqa: ARG002 - the same
        """Nobody reads here."""
        return ()

    def line_of(self, principal: str) -> str:  # noqa: ARG002 - the same
        """Nobody is registered."""
        return ""

    def admit_revocations(self, envelope: bytes, now: datetime) -> NoReturn:  # noqa: ARG002 - the same
        """The same."""
        raise _no_uploads()

    def keep_revocations(self, found: VerifiedRevocations) -> NoReturn:  # noqa: ARG002 - the same
        """The same."""
        raise _no_uploads()

    def keep(self, verified: VerifiedEnvelope) -> NoReturn:  # noqa: ARG002 - the same
        """The same."""
        raise _no_uploads()

    def keep_manifest(self, data: bytes, now: datetime) -> NoReturn:  # noqa: ARG002 - the same
        """The same."""
        raise _no_uploads()


def _no_uploads() -> RequestError:
    return RequestError(404, "unknown_path", "planted uses bring no evidence")
