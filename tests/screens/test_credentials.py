"""Secrets by their structure: found, placeholders not, and in time that the text's length bounds."""

import base64
import json
import random
import string
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.screens.credentials import MAX_FINDINGS, find_credentials, score_credentials

CHANCE = random.Random(45)


def _letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(CHANCE.choice(alphabet) for _ in range(count))


def _part(said: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


TOKEN = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part({'sub': 'someone'})}.{_letters(43)}"
SECRETS = {
    "cloud_access_key": "AKIA" + _letters(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "source_host_token": "ghp_" + _letters(36),
    "chat_token": "xoxb-" + _letters(40),
    "payment_key": "sk_live_" + _letters(24),
    "model_api_key": "sk-proj-" + _letters(48),
    "package_token": "npm_" + _letters(36),
    "signed_token": TOKEN,
    "private_key": "-----BEGIN EC PRIVATE KEY-----",
    "password_in_address": "postgres://app:" + _letters(14) + "@db.internal/orders",
    "bearer_token": "Authorization: Bearer " + _letters(32),
    "named_secret": 'client_secret = "' + _letters(20) + '"',
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_found_with_its_kind_and_place_in_the_middle_of_a_text(kind: str) -> None:
    text = f"Please check this:\n{SECRETS[kind]} is that right?"
    (found,) = find_credentials(text)
    assert found.kind == kind
    assert (
        SECRETS[kind].startswith(text[found.start : found.end])
        or text[found.start : found.end] in SECRETS[kind]
    )
    assert score_credentials(text) == found.score >= 800


@pytest.mark.parametrize(
    "text",
    [
        "the password is required for every account",
        "password = os.environ['DATABASE_PASSWORD']",
        "api_key: your-api-key-goes-here",
        "token = ${TOKEN_FROM_VAULT_2024}",
        "secret: xxxxxxxxxxxxxxxx",
        "aws key AKIAIOSFODNN7EXAMPLE",
        "commit 5d41402abc4b2a76b9719d911017c592",
        "id 123e4567-e89b-12d3-a456-426614174000",
        "see https://example.org:8080/path@2",
        "-----BEGIN PUBLIC KEY-----",
        "eyJub3RoaW5nIjoxfQAAAA.eyJhIjoxfQAA.AAAAAAAAAAAAAAAAAAAA",
        "sk-" + "a" * 40,
        "how do I rotate an API token or a bearer token safely?",
    ],
)
def test_what_only_looks_like_a_secret_is_none(text: str) -> None:
    assert find_credentials(text) == ()
    assert score_credentials(text) == 0


def test_a_finding_does_not_hold_the_secret() -> None:
    (found,) = find_credentials("key " + SECRETS["payment_key"])
    assert SECRETS["payment_key"][8:] not in repr(found)


def test_findings_do_not_overlap_and_are_bounded() -> None:
    found = find_credentials(f"password={SECRETS['source_host_token']} " * (MAX_FINDINGS + 5))
    assert len(found) == MAX_FINDINGS
    assert all(left.end <= right.start for left, right in pairwise(found))


@given(st.text(alphabet="AKIASeyJ.-_:=@/ \"'0x%$pasword", max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_text_has_findings_within_itself(text: str) -> None:
    for each in find_credentials(text):
        assert 0 <= each.start < each.end <= len(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    ["password=", "eyJ", "a://b:", "authorization: bearer ", "sk-", "-----BEGIN A ", "token is ", "x1"],
)
def test_hostile_repetition_ends(unit: str) -> None:
    assert len(find_credentials(unit * (400_000 // len(unit)))) <= MAX_FINDINGS
