"""Policies of witnesses: strict to read, and a key is one witness however often it appears."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner
from caveat.ledger.errors import CheckpointParseError, PolicyParseError
from caveat.ledger.quorum import parse_policy
from caveat.ledger.witness import with_signatures
from caveat.signing.cosignature import cosign, cosigner_key
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed
from caveat.signing.merkle import leaf_hash
from caveat.signing.note import NoteSignature, parse_note
from tests.ledger.logs import KEY, ORIGIN, OTHER_KEY, VERIFIER

NOW = 1_700_000_000
WITNESSES = {f"W{n}": private_key_from_seed(Algorithm.ED25519, bytes([n]) * 32) for n in range(10, 15)}
SIGNED = CheckpointSigner(ORIGIN, KEY, Checkpoint(ORIGIN, 0, b"")).sign(3, leaf_hash(b"x"))
TEXT = parse_note(SIGNED).text


def vkey(name: str, key: PrivateKey | None = None) -> str:
    return cosigner_key(f"{name}.example", (key or WITNESSES[name]).public()).render()


LINES = "".join(f"witness {name} {vkey(name)}\n" for name in WITNESSES)
NESTED = (
    f"# two organisations\n\nlog {VERIFIER.render()} https://log.example\n{LINES}"
    "group X 2 W10 W11 W12\ngroup Y any W13 W14\n\tgroup Z all X Y\nquorum Z\n"
)


def cosigned(*names: str, at: int = NOW) -> bytes:
    lines = [cosign(TEXT, f"{name}.example", WITNESSES[name], at) for name in names]
    return with_signatures(SIGNED, lines)


@pytest.mark.parametrize(
    ("names", "enough"),
    [
        (("W10", "W11", "W13"), True),
        (("W10", "W12", "W14"), True),
        (("W10", "W11", "W12"), False),
        (("W10", "W13", "W14"), False),
        ((), False),
        (tuple(WITNESSES), True),
    ],
)
def test_a_quorum_of_groups_counts_as_it_says(names: tuple[str, ...], enough: bool) -> None:
    found = parse_policy(NESTED.encode()).verify(cosigned(*names), now_seconds=NOW)
    assert (found.quorum, set(found.times), found.checkpoint.size) == (enough, set(names), 3)


def test_one_witness_under_two_names_counts_once() -> None:
    """The signed message does not name the witness, so its key could sign twice."""
    policy = parse_policy(f"log {VERIFIER.render()}\n{LINES}group G 2 W10 W11\nquorum G\n".encode())
    again = cosign(TEXT, "W11.example", WITNESSES["W10"], NOW)
    later = cosign(TEXT, "W10.example", WITNESSES["W10"], NOW + 1)
    doubled = with_signatures(cosigned("W10"), [again, later])
    assert not policy.verify(doubled, now_seconds=NOW).quorum
    second = cosigner_key("b.example", WITNESSES["W10"].public()).render()
    two_names = f"witness A {vkey('W10')}\nwitness B {second}\n"
    with pytest.raises(PolicyParseError, match="one key is one witness"):
        parse_policy(f"{two_names}group G 2 A B\nquorum G\n".encode())


def test_an_old_cosignature_does_not_count_as_fresh() -> None:
    """A checkpoint that was cosigned once and is shown for ever after: the age of the word tells."""
    policy = parse_policy(f"log {VERIFIER.render()}\n{LINES}quorum W10\n".encode())
    old = cosigned("W10", at=NOW - 3600)
    assert policy.verify(old, now_seconds=NOW).quorum
    assert policy.verify(old, now_seconds=NOW, max_age_seconds=3600).quorum
    assert not policy.verify(old, now_seconds=NOW, max_age_seconds=3599).quorum


def test_a_cosignature_from_the_future_does_not_count() -> None:
    policy = parse_policy(f"log {VERIFIER.render()}\n{LINES}quorum W10\n".encode())
    assert policy.verify(cosigned("W10", at=NOW + 60), now_seconds=NOW).quorum
    assert not policy.verify(cosigned("W10", at=NOW + 61), now_seconds=NOW).quorum


def test_a_checkpoint_that_no_known_log_signed_has_no_worth() -> None:
    policy = parse_policy(f"{LINES}quorum none\n".encode())
    with pytest.raises(CheckpointParseError):
        policy.verify(SIGNED, now_seconds=NOW)
    assert policy.verify(SIGNED, now_seconds=NOW, log=VERIFIER).quorum
    stranger = CheckpointSigner(ORIGIN, OTHER_KEY, Checkpoint(ORIGIN, 0, b"")).sign(3, leaf_hash(b"x"))
    for data in (stranger, b"", b"\xff" * 40_000):
        with pytest.raises(CheckpointParseError):
            policy.verify(data, now_seconds=NOW, log=VERIFIER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum W10\n",
        "quorum none\nquorum none\n",
        f"{LINES}group none any W10\nquorum none\n",
        f"{LINES}group W10 any W11\nquorum W10\n",
        f"{LINES}group G 0 W10\nquorum G\n",
        f"{LINES}group G 2 W10\nquorum G\n",
        f"{LINES}group G 01 W10\nquorum G\n",
        f"{LINES}group G any\nquorum G\n",
        f"{LINES}group G any G\nquorum G\n",
        f"{LINES}group G all W10 W10\nquorum G\n",
        f"{LINES}group G any W10\ngroup H any W10 G\nquorum H\n",
        f"{LINES}witness W10 {vkey('W11')}\nquorum none\n",
        f"log {VERIFIER.render()}\nlog {VERIFIER.render()}\nquorum none\n",
        f"log {vkey('W10')}\nquorum none\n",
        f"witness A {VERIFIER.render()}\nquorum A\n",
        f"witness A {vkey('W10')} ftp://x\nquorum A\n",
        f"witness A {vkey('W10')} https://x extra\nquorum A\n",
        "unknown\nquorum none\n",
        "quorum none\r\n",
        "quorum none\x00\n",
        "#" * 300_000,
    ],
)
def test_any_other_policy_is_refused(text: str) -> None:
    with pytest.raises(PolicyParseError):
        parse_policy(text.encode())


@given(st.binary(max_size=200))
def test_no_bytes_raise_another_error(data: bytes) -> None:
    with contextlib.suppress(PolicyParseError):
        parse_policy(data)


def test_a_name_is_octets_and_nothing_else() -> None:
    """The letter K and the Kelvin sign are two names."""
    text = f"witness K {vkey('W10')}\nwitness \u212a {vkey('W11')}\nquorum K\n"
    policy = parse_policy(text.encode())
    assert len(policy.witnesses) == 2


def test_lines_of_strangers_do_not_matter() -> None:
    policy = parse_policy(f"log {VERIFIER.render()}\n{LINES}quorum W10\n".encode())
    noise = NoteSignature("noise.example", b"abcd", bytes(72))
    assert policy.verify(with_signatures(cosigned("W10"), [noise]), now_seconds=NOW).quorum
