"""A negotiation to test with: two parties and an auditor, drafts that differ in one place, times at will."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caveat.ledger.record import TermsRecord, render_time
from caveat.negotiation.act import Act, ActKind, sign_act
from caveat.negotiation.folder import Opened, append, read_negotiation
from caveat.negotiation.parties import Parties, make_parties
from caveat.negotiation.protocol import Negotiation, Recorded
from caveat.policy.bundle import bundle_digest
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed
from caveat.signing.note import NoteKey, note_key
from tests.policy.small import HEAD, edited, small

ID = "example.org/talks-1"
KEYS = {
    "provider": private_key_from_seed(Algorithm.ED25519, b"p" * 32),
    "customer": private_key_from_seed(Algorithm.P256, b"c" * 32),
    "agency": private_key_from_seed(Algorithm.ED25519, b"g" * 32),
}
STRANGER = private_key_from_seed(Algorithm.ED25519, b"s" * 32)
LOG_KEY = private_key_from_seed(Algorithm.ED25519, b"l" * 32)
VERIFIER: NoteKey = note_key(ID, LOG_KEY.public())
PARTIES: Parties = make_parties(ID, {name: frozenset({key.public()}) for name, key in KEYS.items()})
START = datetime(2030, 1, 1, tzinfo=UTC)

WITHOUT_C5 = small() | {"trust.toml": b'version = 1\nexpires_at = "2100-01-01T00:00:00Z"\n'}
_C5 = f'@id("C5") {HEAD}\nforbid (principal, action, resource) when {{ context.kinds.contains("b") }};\n'
DRAFT = WITHOUT_C5 | {"clauses/all.cedar": WITHOUT_C5["clauses/all.cedar"] + _C5.encode()}
STRICTER = edited("bundle.toml", "value = 10", "value = 5", DRAFT)


def moment(hours: float) -> str:
    """So many hours after the start of the test's year."""
    return render_time(START + timedelta(hours=hours))


def act(kind: str, party: str, *to: str, hours: float = 0, **members: object) -> Act:
    """An act with this party's view of the negotiation; `members` replace what a test spoils."""
    made = Act(
        kind=ActKind(kind),
        negotiation=ID,
        parties=PARTIES.digest,
        party=party,
        to=to,
        terms=bundle_digest(DRAFT),
        answers=None,
        note="",
        time=moment(hours),
    )
    return replace(made, **members)  # type: ignore[arg-type]  # spoilt on purpose


def record(made: Act, key: PrivateKey | None = None, hours: float | None = None) -> TermsRecord:
    """The record of an act, signed by its party unless another key is given."""
    envelope = sign_act(made, key or KEYS[made.party])
    return TermsRecord(made.time if hours is None else moment(hours), made.kept, envelope.decode())


def answer(kind: str, party: str, offer: Recorded, *, hours: float, **members: object) -> Act:
    """An act that answers an offer with its own terms."""
    answered: dict[str, object] = {"terms": offer.act.terms, "answers": offer.hash}
    return act(kind, party, offer.act.party, hours=hours, **(answered | members))


@dataclass
class Fold:
    """A negotiation in memory."""

    negotiation: Negotiation = field(default_factory=lambda: Negotiation(PARTIES, LOG_KEY.public().raw))

    def admit(self, made: Act, key: PrivateKey | None = None, hours: float | None = None) -> Recorded:
        """Admits the act as the next one."""
        index = len(self.negotiation.acts)
        return self.negotiation.admit(index, Digest(sha256(b"%d" % index)), record(made, key, hours))


@dataclass
class Talks:
    """A negotiation in a folder."""

    root: Path

    def add(self, made: Act, files: Mapping[str, bytes]) -> Recorded:
        """Records the act."""
        return append(self.root, PARTIES, LOG_KEY, record(made), files)

    def offer(self, files: Mapping[str, bytes], party: str, *to: str, hours: float) -> Recorded:
        """Records an offer of these files."""
        return self.add(act("offer", party, *to, hours=hours, terms=bundle_digest(files)), files)

    def opened(self) -> Opened:
        """As a reader sees it."""
        return read_negotiation(self.root, VERIFIER)
