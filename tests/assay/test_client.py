"""What is sent for a scenario, and how an answer is read."""

import base64
from typing import Any

import orjson
import pytest

from caveat.assay.client import Answer, Keys, Sent, _answer, chat, requests
from caveat.assay.errors import RunError
from caveat.assay.mint import Minted
from caveat.assay.scenario import Visible
from caveat.assay.words import REFUSE_AT, words_score

USE = Visible(0, "Rank these.", {"task": "chat"}, {"persons": 3})
MINTED = Minted(data=b"row,reading\n", genuine=(b"{1}", b"{2}"), defective=(b"{3}",), prior=())


def presented(sent: Sent) -> list[bytes]:
    header = sent.headers.get("x-caveat-evidence", "")
    return [base64.urlsafe_b64decode(each + "=" * (-len(each) % 4)) for each in header.split(",") if each]


def test_the_request_is_a_chat_with_the_text_the_data_and_the_claims() -> None:
    body = orjson.loads(chat(USE, MINTED, "Rank these."))
    assert [part["text"] for part in body["messages"][0]["content"]] == ["Rank these.", "row,reading\n"]
    assert body["caveat"]["claims"] == {"task": "chat"}
    assert body["caveat"]["data"] == [{"part": "/messages/0/content/1", "media_type": "text/csv"}]


def test_the_model_alone_gets_no_claims() -> None:
    assert "caveat" not in orjson.loads(chat(USE, MINTED, "x", extended=False))


def test_evidence_goes_with_the_request_or_genuine_evidence_ahead_of_it() -> None:
    (with_it,) = requests(USE, MINTED, "x", Keys("key", "earlier"), upload=False)
    (ahead,) = requests(USE, MINTED, "x", Keys("key", "earlier"), upload=True)
    assert (presented(with_it), with_it.uploads) == ([b"{1}", b"{2}", b"{3}"], ())
    assert (presented(ahead), ahead.uploads) == ([b"{3}"], (b"{1}", b"{2}"))
    assert with_it.headers["authorization"] == "Bearer key"


def test_evidence_too_long_for_a_header_is_uploaded() -> None:
    long = Minted(b"", genuine=(b"x" * 10_000,), defective=(), prior=())
    (sent,) = requests(USE, long, "x", Keys("key", "earlier"), upload=False)
    assert (presented(sent), len(sent.uploads)) == ([], 1)


@pytest.mark.parametrize("text", ["Rank these.", "constant"])
def test_replayed_evidence_is_used_up_by_an_earlier_request_with_another_text(text: str) -> None:
    earlier, own = requests(
        USE, Minted(b"d", (), (b"{3}",), (b"{3}",)), text, Keys("key", "earlier"), upload=False
    )
    assert presented(earlier) == presented(own) == [b"{3}"]
    assert earlier.body != own.body
    assert earlier.uploads == ()
    assert earlier.headers["authorization"] == "Bearer earlier", "where whatever is asked is released"


def refusal(code: str, **changes: Any) -> bytes:
    error = {"code": code, "clauses": ["P07"], "needs": ["task"], "record": "4-00", **changes}
    return orjson.dumps({"error": error})


def test_200_is_an_allow_and_403_is_the_verdict_in_its_code() -> None:
    assert _answer(200, b"", "3-00", gated=True) == Answer("allow", record="3-00")
    assert _answer(403, refusal("deny"), None, gated=True) == Answer("deny", ("P07",), ("task",), "4-00")
    assert _answer(403, refusal("needs_approval"), None, gated=True).verdict == "needs_approval"
    assert _answer(200, b"", None, gated=False) == Answer("allow")


@pytest.mark.parametrize(
    ("status", "body", "record", "gated"),
    [
        (200, b"", None, True),  # released without a record
        (403, refusal("allow"), None, True),  # not how an allow looks
        (403, refusal("forbidden"), None, True),
        (403, b"{}", None, True),
        (403, b"<html>", None, True),
        (403, refusal("deny"), None, False),  # no gateway stands there
        (500, refusal("deny"), None, True),
        (503, b"", None, True),
        (400, b'{"error": {"code": "invalid_caveat"}}', None, True),
    ],
)
def test_anything_else_is_an_error_of_the_run_and_never_a_verdict(
    status: int, body: bytes, record: str | None, *, gated: bool
) -> None:
    with pytest.raises(RunError):
        _answer(status, body, record, gated=gated)


def test_an_error_of_the_run_shows_status_and_code_and_nothing_of_the_body() -> None:
    body = b'{"error": {"code": "invalid_caveat", "message": "secret words"}}'
    with pytest.raises(RunError, match="status 400, `invalid_caveat`") as caught:
        _answer(400, body, None, gated=True)
    assert "secret" not in str(caught.value)


def test_the_stand_in_judges_distinct_words_alone() -> None:
    assert words_score("Track, track and track!") == 1
    assert words_score("Assign the next available effector") >= REFUSE_AT
    assert words_score("") == 0
