"""What one turn of a conversation costs, the tenth and the two-hundredth: processor time in the gateway.

Each turn is read, gathered, decided and recorded as served requests are, with its answer; its records are
rendered, checked and made canonical, and the disk is left out. Each turn adds 1 kB of question and 1 kB of
answer; in the agent's conversation, a call of a tool and 1 kB of what it returned.
"""

import asyncio
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, cast

import orjson
import structlog

from caveat.call.history import HistoryState
from caveat.cli.measure_gateway import bundle_files
from caveat.evidence.check import EvidenceChecker
from caveat.evidence.envelope import VerifiedCache
from caveat.evidence.trust import parse_trust
from caveat.gateway.decisions import Decisions
from caveat.gateway.desk import Desk
from caveat.gateway.gate import Gate
from caveat.gateway.heard import hear_answer, hear_prompt
from caveat.gateway.identity.callers import Caller, Identities
from caveat.gateway.identity.tokens import Tokens
from caveat.gateway.issued_keys import IssuedKeys
from caveat.gateway.metrics import Metrics
from caveat.gateway.ports import Law
from caveat.gateway.requested import read_use
from caveat.gateway.revocations import RevocationLists
from caveat.gateway.transcripts import Transcripts
from caveat.gateway.wire import openai
from caveat.gateway.witnesses import BundleWitnesses
from caveat.ledger.record import record_id
from caveat.ledger.wire import check_shape
from caveat.monitors.monitors import Monitors
from caveat.monitors.once import Once
from caveat.policy.bundle import parse_bundle
from caveat.service.evidence_files import EvidenceFiles
from caveat.service.manifest_index import ManifestIndex
from caveat.signing.canonical import Json, JsonObject, canonical
from caveat.signing.digest import sha256
from caveat.store.evidence import SqliteEvidenceStore
from caveat.store.manifests import SqliteManifestStore
from caveat.store.revocations import RevocationFiles
from caveat.store.transcripts import SqliteTranscripts

if TYPE_CHECKING:
    from caveat.gateway.routing import Router

_TURNS, _EARLY, _LATE, _AROUND = 202, 10, 200, 2
_KILOBYTE = 1000


def measure_turns(rounds: int = 5) -> Mapping[str, tuple[float, int]]:
    """Median milliseconds of the turns around the tenth and the two-hundredth, over so many conversations,
    and the ratio of the two; by figure, with how many turns stand behind it."""
    figures: dict[str, tuple[float, int]] = {}
    for kind, name in (("chat", "turn"), ("agent", "agent_turn")):
        early, late = asyncio.run(_spent(kind, rounds))
        figures[f"{name}_10_cpu_ms"] = (median(early), len(early))
        figures[f"{name}_200_cpu_ms"] = (median(late), len(late))
        figures[f"{name}_200_to_10"] = (median(late) / median(early), len(late))
    return figures


@dataclass(frozen=True, slots=True)
class _Kept:
    record_id: str
    checkpoint: bytes = b""


class _Records:
    """A ledger without a disk: a record is checked and rendered, and its place is made up."""

    def submit(self, record: JsonObject) -> "asyncio.Future[_Kept]":
        """Its id, from its leaf."""
        check_shape(record)
        kept: asyncio.Future[_Kept] = asyncio.get_running_loop().create_future()
        kept.set_result(_Kept(record_id(0, sha256(canonical(record)))))
        return kept


async def _spent(kind: str, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each early and of each late turn."""
    early: list[float] = []
    late: list[float] = []
    with tempfile.TemporaryDirectory(prefix="caveat-turns-") as folder:
        desk, caller, close = staged_desk(Path(folder))
        try:
            for seed in range(rounds + 1):
                for turn, (body, answer) in enumerate(_turns(kind, seed), start=1):
                    began = time.process_time()
                    use, _ = read_use(desk, openai, caller, {}, body)
                    prompt = await desk.gate.decide_prompt(use)
                    hear_prompt(desk, prompt)
                    output = await desk.gate.decide_output(prompt, caller.law, answer)
                    hear_answer(desk, prompt, orjson.loads(answer))
                    spent = (time.process_time() - began) * 1e3
                    if not output.released:
                        raise RuntimeError("the workload is not allowed, so nothing is measured")
                    if turn > 1 and use.call.history is not HistoryState.KNOWN:
                        raise RuntimeError("the workload's history is not known, so nothing is measured")
                    if seed and abs(turn - _EARLY) <= _AROUND:  # the first conversation warms up
                        early.append(spent)
                    elif seed and abs(turn - _LATE) <= _AROUND:
                        late.append(spent)
        finally:
            close()
    return early, late


def conversation_bodies(kind: str, seed: int) -> Iterator[bytes]:
    """The requests of one conversation, each with all of its history, as the official client sends them."""
    for body, _ in _turns(kind, seed):
        yield body


def _turns(kind: str, seed: int) -> Iterator[tuple[bytes, bytes]]:
    """Each request with the answer that the next one sends back."""
    rng = random.Random(seed)  # noqa: S311 - content to measure with
    first: JsonObject = {"role": "user", "content": _words(rng)}
    messages: list[Json] = [first]
    for turn in range(_TURNS):
        body = orjson.dumps({"messages": messages, "model": "measured"})
        if kind == "chat":
            said: JsonObject = {"role": "assistant", "content": _words(rng)}
            asked: JsonObject = {"role": "user", "content": _words(rng)}
            more = [said, asked]
        else:
            function: JsonObject = {"name": "look_up", "arguments": orjson.dumps({"at": turn}).decode()}
            call: JsonObject = {"id": f"call_{seed}_{turn}", "type": "function", "function": function}
            calls: JsonObject = {"role": "assistant", "content": None, "tool_calls": [call]}
            result: JsonObject = {"role": "tool", "tool_call_id": call["id"], "content": _words(rng)}
            more = [calls, result]
        yield body, orjson.dumps({"choices": [{"message": more[0]}]})
        messages += more


def _words(rng: random.Random) -> str:
    text = ""
    while len(text) < _KILOBYTE:
        text += rng.choice(("plain", "words", "about", "nothing", "much", "said", "twice")) + " "
    return text[: _KILOBYTE - 20] + f"{rng.getrandbits(60):020d}"


def staged_desk(folder: Path) -> tuple[Desk, Caller, Callable[[], None]]:
    """What serves the measured deployment, its caller, and what closes it."""
    key = secrets.token_urlsafe(16)
    bundle = parse_bundle(bundle_files(key))
    store = SqliteEvidenceStore(folder / "evidence.sqlite3")
    manifests = SqliteManifestStore(folder / "manifests.sqlite3")
    lists = RevocationLists(RevocationFiles(folder / "revocations"))
    trust = parse_trust(bundle.files["trust.toml"])
    checker = EvidenceChecker(trust, bundle.registry, VerifiedCache(), lists.book)
    witnesses = BundleWitnesses(
        bundle, checker, EvidenceFiles(store), Monitors(), Once(), lists, ManifestIndex(manifests)
    )
    law = Law(bundle, Decisions(bundle.policy), witnesses, {})
    issued, metrics = IssuedKeys(), Metrics()
    gate = Gate(_Records(), metrics, lambda: datetime.now(UTC), secrets.token_bytes(32))
    identities = Identities(issued, Tokens(datetime.now(UTC)))
    log = structlog.get_logger()
    desk = Desk(gate, cast("Router", None), metrics, log, lambda: law, 8 << 20, identities)
    transcripts = SqliteTranscripts(folder / "transcripts.sqlite3", lost_if_new=False)
    desk = replace(desk, transcripts=Transcripts(transcripts, gate.audit_hmac))
    deployment = bundle.deployments["measured"]
    caller = Caller(law, deployment, f"key:{sha256(key.encode())[:16]}", key)

    def close() -> None:
        store.close()
        manifests.close()
        transcripts.close()

    return desk, caller, close
