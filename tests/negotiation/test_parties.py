"""Parties: two names are never one hand, and their document has one form."""

import pytest

from caveat.negotiation.errors import PartiesParseError
from caveat.negotiation.parties import make_parties, parse_parties, parse_party_keys
from tests.negotiation.talks import ID, KEYS, PARTIES

PROVIDER = frozenset({KEYS["provider"].public()})
CUSTOMER = frozenset({KEYS["customer"].public()})


def test_the_document_reads_back() -> None:
    assert parse_parties(PARTIES.render()) == PARTIES


def test_two_parties_never_share_a_key() -> None:
    with pytest.raises(PartiesParseError, match="share a key"):
        make_parties(ID, {"provider": PROVIDER, "customer": CUSTOMER | PROVIDER})


@pytest.mark.parametrize(
    "keys",
    [{"provider": PROVIDER}, {"provider": PROVIDER, "Customer": CUSTOMER}, {"a": PROVIDER, "b": frozenset()}],
)
def test_a_negotiation_has_two_named_parties_with_keys(keys: dict[str, frozenset[object]]) -> None:
    with pytest.raises(PartiesParseError):
        make_parties(ID, keys)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "two words", "with+plus"])
def test_an_id_that_no_log_can_have_is_refused(name: str) -> None:
    with pytest.raises(PartiesParseError):
        make_parties(name, {"provider": PROVIDER, "customer": CUSTOMER})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        PARTIES.render() + b" ",
        PARTIES.render().replace(b'"version":1', b'"version":2'),
        PARTIES.render().replace(b"ed25519:", b"ed25519:A"),
    ],
)
def test_another_document_names_no_parties(data: bytes) -> None:
    with pytest.raises(PartiesParseError):
        parse_parties(data)


def test_a_parties_file_is_read_and_its_mistakes_are_named() -> None:
    line = KEYS["provider"].public().render()
    good = f'version = 1\n[parties.provider]\nkeys = ["{line}"]\ntext = "offers"\n'
    assert parse_party_keys(good.encode()) == {"provider": PROVIDER}
    for bad in (b"\xff", b"version = 1\nparties = 3", good.replace("ed25519:", "rsa:").encode(), b"x = " * 9):
        with pytest.raises(PartiesParseError):
            parse_party_keys(bad)
