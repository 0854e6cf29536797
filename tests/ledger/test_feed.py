"""The log takes its checkpoints to witnesses.

A witness that knows better is believed, a silent one missed.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from caveat.ledger.disk import RealDisk
from caveat.ledger.feed import Feeder, Post, Told
from caveat.ledger.folder import COSIGNED, Folder
from caveat.ledger.quorum import Policy, parse_policy
from caveat.ledger.verify import verify_folder
from caveat.ledger.witness import Outcome, Witness
from caveat.signing.cosignature import cosigner_key
from caveat.signing.note import NoteSignature, render_signatures
from tests.ledger.logs import VERIFIER, records, write_log
from tests.ledger.test_quorum import WITNESSES

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_700_000_000
NAMES = ("W10", "W11", "W12")


class Network:
    """Witnesses behind URLs, without a socket."""

    def __init__(self, folder: Path) -> None:
        self.witnesses = {
            f"http://{name}.example/add-checkpoint": Witness.open(
                folder / name, f"{name}.example", WITNESSES[name], [VERIFIER], lambda: NOW
            )
            for name in NAMES
        }
        self.down: set[str] = set()
        self.answer: Callable[[str], tuple[int, bytes]] | None = None

    async def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        if any(name in url for name in self.down):
            raise ConnectionError
        if self.answer is not None:
            return self.answer(url)
        answer = self.witnesses[url].add_checkpoint(body)
        if answer.outcome is Outcome.CONFLICT:
            return 409, f"{answer.size}\n".encode()
        return answer.outcome.value, answer.lines.encode()


def policy() -> Policy:
    lines = "".join(
        f"witness {name} {cosigner_key(f'{name}.example', WITNESSES[name].public()).render()} "
        f"http://{name}.example/\n"
        for name in NAMES
    )
    return parse_policy(f"{lines}group G 2 W10 W11 W12\nquorum G\n".encode())


def feeder(log: Path, post: Post) -> Feeder:
    return Feeder(Folder(RealDisk(), log), VERIFIER, policy(), post, lambda: NOW)


async def test_each_round_is_cosigned_by_all_and_kept_with_the_log(tmp_path: Path) -> None:
    log, network = tmp_path / "log", Network(tmp_path)
    feed = feeder(log, network.post)
    items = records(600)
    for start, end in ((0, 5), (5, 300), (300, 600)):
        write_log_async(log, items[start:end])
        fed = await feed.feed()
        assert set(fed.told.values()) == {Told.COSIGNED}
        assert fed.cosigned is not None
        assert fed.cosigned.quorum
        assert fed.cosigned.checkpoint.size == end
    assert verify_folder(log, VERIFIER).holds
    kept = (log / COSIGNED).read_bytes()
    assert len(policy().verify(kept, now_seconds=NOW, log=VERIFIER).times) == 3


def write_log_async(log: Path, items: list) -> None:  # type: ignore[type-arg]  # records of any kind
    """`write_log` runs a loop of its own, which a running one does not allow."""
    import threading

    thread = threading.Thread(target=write_log, args=(log, items))
    thread.start()
    thread.join()


async def test_a_silent_witness_costs_its_cosignature_and_the_better_checkpoint_is_kept(
    tmp_path: Path,
) -> None:
    log, network = tmp_path / "log", Network(tmp_path)
    write_log_async(log, records(5))
    feed = feeder(log, network.post)
    network.down = {"W10"}
    fed = await feed.feed()
    assert fed.told == {"W10": Told.UNREACHABLE, "W11": Told.COSIGNED, "W12": Told.COSIGNED}
    assert fed.cosigned is not None
    assert fed.cosigned.quorum
    write_log_async(log, records(9)[5:])
    network.down = {"W10", "W11"}
    fed = await feed.feed()
    assert fed.cosigned is not None
    assert (fed.cosigned.checkpoint.size, fed.cosigned.quorum) == (5, True)  # one alone replaces no quorum
    network.down = set()
    fed = await feed.feed()
    assert fed.cosigned is not None
    assert fed.cosigned.checkpoint.size == 9


async def test_a_log_that_was_rolled_back_or_forked_is_contradicted(tmp_path: Path) -> None:
    log, network = tmp_path / "log", Network(tmp_path)
    write_log_async(log, records(5))
    shutil.copytree(log, tmp_path / "back")
    write_log_async(log, records(9)[5:])
    assert not (await feeder(log, network.post).feed()).contradicted
    back = await feeder(tmp_path / "back", network.post).feed()
    assert back.contradicted == NAMES
    write_log_async(tmp_path / "back", records(30)[12:])
    forked = await feeder(tmp_path / "back", network.post).feed()
    assert forked.contradicted == NAMES
    assert not (tmp_path / "back" / COSIGNED).exists()


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b"", Told.REFUSED),
        (200, b"noise\n", Told.REFUSED),
        (200, "\u2014 W10.example AAAAAAAA\n".encode(), Told.REFUSED),
        (404, b"", Told.REFUSED),
        (500, b"", Told.REFUSED),
        (409, b"one\n", Told.REFUSED),
        (409, b"99\n", Told.CONTRADICTED),
        (409, b"9" * 40, Told.REFUSED),
        (409, b"0\n", Told.CONTRADICTED),
        (422, b"", Told.CONTRADICTED),
    ],
)
async def test_no_answer_of_a_witness_makes_a_quorum_that_is_none(
    tmp_path: Path, status: int, body: bytes, told: Told
) -> None:
    network = Network(tmp_path)
    write_log_async(tmp_path / "log", records(5))
    network.answer = lambda _url: (status, body)
    fed = await feeder(tmp_path / "log", network.post).feed()
    assert set(fed.told.values()) == {told}
    assert fed.cosigned is None


async def test_a_line_in_the_witness_s_name_that_it_did_not_sign_is_dropped(tmp_path: Path) -> None:
    network = Network(tmp_path)
    write_log_async(tmp_path / "log", records(5))
    keys = {name: cosigner_key(f"{name}.example", WITNESSES[name].public()) for name in NAMES}

    def forged(url: str) -> tuple[int, bytes]:
        key = next(key for name, key in keys.items() if name in url)
        return 200, render_signatures((NoteSignature(key.name, key.key_id, bytes(72)),)).encode()

    network.answer = forged
    fed = await feeder(tmp_path / "log", network.post).feed()
    assert set(fed.told.values()) == {Told.REFUSED}
    assert not (tmp_path / "log" / COSIGNED).exists()


async def test_a_witness_that_answers_with_another_s_line_is_not_counted_for_it(tmp_path: Path) -> None:
    network = Network(tmp_path)
    write_log_async(tmp_path / "log", records(5))
    mixed = Network(tmp_path / "other")

    async def post(url: str, body: bytes) -> tuple[int, bytes]:
        if "W10" in url:
            return 200, mixed.witnesses[url.replace("W10", "W11")].add_checkpoint(body).lines.encode()
        return await network.post(url, body)

    fed = await feeder(tmp_path / "log", post).feed()
    assert fed.told["W10"] is Told.REFUSED
    assert fed.cosigned is not None
    assert set(fed.cosigned.times) == {"W11", "W12"}
