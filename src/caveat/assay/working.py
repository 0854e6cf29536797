"""Somebody who does ordinary work: presents what comes with the data, proves what is asked, and remembers it.

He tells the truth. What he was asked for once he presents with every later request of the same piece. Nobody
approves here: where a person has to, the request ends there and the work goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from caveat.assay.attacks.ask import Ask
from caveat.assay.benign_sets import Prompt
from caveat.assay.casework import Domains, Piece, Step, is_needed
from caveat.assay.generator import Pair
from caveat.assay.journal import PROMPT, WORK, Entry, Journal, Result
from caveat.assay.target import Reply

MOST_ROUNDS = 6


class Player(Protocol):
    """Whoever can send a request to one arm."""

    async def send(self, use: Pair, trial: str, ask: Ask) -> Reply:
        """What came of it. Equal trials send equal data."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the work of one arm is done. `note`: keeps an entry."""

    arm: str
    player: Player
    journal: Journal
    note: Callable[[Entry], None]
    advance: Callable[[], None]

    async def work(self, piece: Piece, domains: Domains) -> list[Entry]:
        """Every request of the piece in order; what a journal knows is not asked again."""
        known_to_be_asked = set(piece.standing)
        entries: list[Entry] = []
        for at, step in enumerate(piece.steps):
            entry = self.journal.known((self.arm, piece.id, WORK, at))
            if entry is None:
                entry = await self._step(at, step, frozenset(known_to_be_asked), domains)
                self.note(entry)
            known_to_be_asked.update(entry.asked)
            entries.append(entry)
            self.advance()
        return entries

    async def _step(self, at: int, step: Step, presented: frozenset[str], domains: Domains) -> Entry:
        replies: list[Reply] = []
        asked: list[str] = []
        needless = 0
        for _ in range(MOST_ROUNDS):
            proved = [name for name in step.use.truth if name in presented or name in asked]
            signed = {name: step.use.truth[name] for name in proved}
            ask = Ask(step.use.text, step.use.truth, signed, caller=step.caller, emits=step.emits)
            reply = await self.player.send(step.use, "work", ask)
            replies.append(reply)
            new = [name for name in reply.needs if name in step.use.truth and name not in proved]
            needless += _is_needless(reply, step, proved, domains)
            asked += new
            if reply.verdict != "needs_evidence" or not new:
                break
        return Entry(
            arm=self.arm,
            use=step.use.id,
            search=WORK,
            at=at,
            family=WORK,
            outcome=_came_of(step, replies[-1]),
            verdicts=[reply.verdict for reply in replies],
            faults=sorted({reply.fault.value for reply in replies if reply.fault is not None}),
            clauses=sorted({clause for reply in replies for clause in reply.clauses}),
            milliseconds=[reply.milliseconds for reply in replies],
            asked=sorted(asked),
            needless=needless,
            in_words=sum(reply.in_words for reply in replies),
        )

    async def prompt(self, prompt: Prompt, facts: Pair) -> Entry:
        """An ordinary prompt of others, with proof of a use that is permitted whatever the words are."""
        known = self.journal.known((self.arm, prompt.id, PROMPT, 0))
        if known is None:
            reply = await self.player.send(
                facts, f"prompt-{prompt.id}", Ask(prompt.text, {}, facts.truth, typed=True)
            )
            outcome: Result = "unmeasured"
            if reply.verdict is not None:
                outcome = "passed" if reply.verdict == "allow" else "blocked"
            known = Entry(
                arm=self.arm,
                use=prompt.id,
                search=PROMPT,
                at=0,
                family=prompt.set,
                outcome=outcome,
                verdicts=[reply.verdict],
                faults=[] if reply.fault is None else [reply.fault.value],
                clauses=sorted(reply.clauses),
                milliseconds=[reply.milliseconds],
                in_words=int(reply.in_words),
            )
            self.note(known)
        self.advance()
        return known


def _is_needless(reply: Reply, step: Step, proved: list[str], domains: Domains) -> bool:
    match reply.verdict:
        case "needs_approval":
            return step.right == "allow"
        case "needs_evidence":
            return not is_needed(step, proved, domains)
        case _:
            return False


def _came_of(step: Step, last: Reply) -> Result:
    if last.verdict is None:
        return "unmeasured"
    if last.verdict == "allow":
        return "passed" if not step.emits or step.emits in last.tools else "blocked"
    return "passed" if last.verdict == step.right else "blocked"
