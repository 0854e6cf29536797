"""The rules of a negotiation, as a fold over its acts. Pure: no clock, no file, no key of our own.

An act is admitted only if
  1 the party that it names signed it, towards these parties, in this negotiation (`verify_act`);
  2 what it speaks of is what is kept with the log under that digest;
  3 it was not recorded before, its time does not go back, nor lie ahead of or far behind the log's clock;
  4 it answers an offer or counter-offer that stands for its party, never one's own;
  5 an acceptance and a refusal carry the very terms that they answer, a counter-offer carries others;
  6 its recipients are other parties; an answer goes to whoever made what it answers.
An offer to several parties stands for each of them apart; an acceptance, a refusal or a counter-offer by one
closes it for that one. A reader folds with the same rules as the writer, so a log that somebody filled
otherwise does not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from caveat.ledger.record import TermsRecord, parse_time
from caveat.negotiation.act import Act, ActKind, render_act, verify_act
from caveat.negotiation.errors import RefusedActError, Rule
from caveat.negotiation.parties import Parties
from caveat.signing.digest import Digest, sha256

MAX_AHEAD = timedelta(minutes=5)
MAX_BEHIND = timedelta(days=1)


class Standing(StrEnum):
    """Where an offer stands with one recipient."""

    STANDING = "standing"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    COUNTERED = "countered"


_CLOSES = {
    ActKind.ACCEPT: Standing.ACCEPTED,
    ActKind.REFUSE: Standing.REFUSED,
    ActKind.COUNTER: Standing.COUNTERED,
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """An admitted act at its place. `time`: the log's. `hash`: the record's leaf hash, which answers name."""

    index: int
    hash: Digest
    time: str
    act: Act

    @property
    def id(self) -> str:
        """The record's id, as `caveat ledger` writes it."""
        return f"{self.index}-{self.hash[:16]}"


def _no_acts() -> list[Recorded]:
    return []


@dataclass(slots=True)
class Negotiation:
    """What the acts so far amount to. `admit` is the only way in."""

    parties: Parties
    log_key: bytes
    acts: list[Recorded] = field(default_factory=_no_acts)
    _standing: dict[Digest, dict[str, Standing]] = field(default_factory=dict[Digest, dict[str, Standing]])
    _by_hash: dict[Digest, Recorded] = field(default_factory=dict[Digest, Recorded])
    _payloads: set[Digest] = field(default_factory=set[Digest])

    def __post_init__(self) -> None:
        """Raises `RefusedActError` where the log's key is a party's: it would vouch for itself."""
        if any(key.raw == self.log_key for keys in self.parties.keys.values() for key in keys):
            raise RefusedActError(
                Rule.KEY_REUSED,
                "a party's key also signs the log's checkpoints",
                "one purpose for each key: `caveat keys new` makes another",
            )

    def check(self, record: TermsRecord) -> Act:
        """The act in `record` if it may stand next; raises `RefusedActError` or `ActParseError`."""
        act = verify_act(record.envelope.encode(), self.parties)  # 1
        if record.bundle != act.kept:  # 2
            raise RefusedActError(Rule.OTHER_FILES, "the record keeps other files than the act speaks of")
        self._check_time(record, act)  # 3
        if act.kind in _CLOSES:
            self._check_answer(act)  # 4, 5
        elif act.answers is not None:
            raise RefusedActError(Rule.NO_SUCH_OFFER, f"an act `{act.kind.value}` answers nothing")
        self._check_recipients(act)  # 6
        return act

    def admit(self, index: int, leaf_hash: Digest, record: TermsRecord) -> Recorded:
        """The act at its place, after `check`; raises as `check` does, and then nothing has changed."""
        act = self.check(record)
        recorded = Recorded(index, leaf_hash, record.time, act)
        if act.answers is not None:
            self._standing[act.answers][act.party] = _CLOSES[act.kind]
        if act.puts_terms:
            self._standing[leaf_hash] = dict.fromkeys(act.to, Standing.STANDING)
        self.acts.append(recorded)
        self._by_hash[leaf_hash] = recorded
        self._payloads.add(_identity(act))
        return recorded

    def standing(self, recorded: Recorded) -> Mapping[str, Standing]:
        """For each recipient of an offer, where it stands; empty for an act that offers nothing."""
        return dict(self._standing.get(recorded.hash, {}))

    def answered(self, recorded: Recorded) -> Recorded | None:
        """The act that this one answers."""
        return None if recorded.act.answers is None else self._by_hash[recorded.act.answers]

    def open_offers(self, party: str) -> tuple[Recorded, ...]:
        """What stands for this party to answer, in order."""
        return tuple(
            recorded
            for recorded in self.acts
            if self._standing.get(recorded.hash, {}).get(party) is Standing.STANDING
        )

    def find(self, record_id: str) -> Recorded | None:
        """The act with this record id."""
        return next((recorded for recorded in self.acts if recorded.id == record_id), None)

    def _check_time(self, record: TermsRecord, act: Act) -> None:
        if _identity(act) in self._payloads:
            raise RefusedActError(Rule.REPEATED, "this very act stands in the log already")
        if self.acts and (act.time < self.acts[-1].act.time or record.time < self.acts[-1].time):
            raise RefusedActError(
                Rule.TIME_WENT_BACK,
                "the act is dated before one that stands in the log",
                "an act answers the log as it is: sign it anew",
            )
        signed, logged = parse_time(act.time), parse_time(record.time)
        if signed > logged + MAX_AHEAD:
            raise RefusedActError(Rule.TIME_AHEAD, "the act is dated in the future of the log's clock")
        if signed < logged - MAX_BEHIND:
            raise RefusedActError(
                Rule.TIME_BEHIND,
                "the act was signed more than a day before",
                "sign it anew, with today's date",
            )

    def _check_recipients(self, act: Act) -> None:
        strangers = [name for name in act.to if name not in self.parties.keys or name == act.party]
        if strangers:
            raise RefusedActError(
                Rule.UNKNOWN_RECIPIENT, f"`{strangers[0]}` is no other party to this negotiation"
            )
        if bool(act.to) == (act.kind is ActKind.IMPORTED):
            raise RefusedActError(
                Rule.UNKNOWN_RECIPIENT, "an act goes to another party; an import goes to nobody"
            )

    def _check_answer(self, act: Act) -> None:
        offer = None if act.answers is None else self._by_hash.get(act.answers)
        if offer is None or not offer.act.puts_terms:
            raise RefusedActError(Rule.NO_SUCH_OFFER, "the log holds no such offer")
        if offer.act.party == act.party:
            raise RefusedActError(Rule.OWN_OFFER, f"`{act.party}` made this offer; the other side answers it")
        standing = self._standing[offer.hash].get(act.party)
        if standing is None:
            raise RefusedActError(Rule.NOT_ADDRESSED, f"the offer is not addressed to `{act.party}`")
        if standing is not Standing.STANDING:
            raise RefusedActError(
                Rule.NOT_STANDING, f"`{act.party}` has {standing.value} this offer; it is closed"
            )
        if offer.act.party not in act.to or (act.kind is not ActKind.COUNTER and len(act.to) > 1):
            raise RefusedActError(Rule.UNKNOWN_RECIPIENT, f"the answer goes to `{offer.act.party}`")
        if act.kind is ActKind.COUNTER and act.terms == offer.act.terms:
            raise RefusedActError(
                Rule.SAME_TERMS, "a counter-offer carries other terms", "accept them instead"
            )
        if act.kind is not ActKind.COUNTER and act.terms != offer.act.terms:
            raise RefusedActError(
                Rule.OTHER_TERMS, "the act carries other terms than the offer that it answers"
            )


def _identity(act: Act) -> Digest:
    """What makes two acts one: all that was signed; of an import, who brings which document."""
    if act.document is not None:
        return sha256(f"{act.party} {act.terms}".encode())
    return sha256(render_act(act))
