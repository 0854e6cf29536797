"""What keeps redaction honest: keys, signatures, replay, and observing without touching."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from caveat.ledger.finding import Code
from caveat.ledger.record import DecisionRecord, Redaction
from caveat.ledger.replay import Bundles, ReplayCheck
from caveat.ledger.wire import parse_record
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.policy.changes import changes
from tests.gateway.test_redact import PLACEHOLDER, SSE, asked, post
from tests.support.phrase_world import ENDPOINTS, PHRASES, request_of, stream_of
from tests.support.redact_world import CLAUSES, EMAIL, TEXT, redact_bundle
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import Reply, ScriptedUpstream, Seen, chat_body, scripted_upstream
from tests.support.small_bundle import CHAT_KEY, adopted

PATH = next(iter(ENDPOINTS))
NEW_PHONE = "+44 20 7946 0958"


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    def answer(seen: Seen) -> Reply:
        if seen.json.get("stream"):
            return Reply(headers=SSE, pieces=stream_of(PATH, ["Call ", NEW_PHONE, " now, ", EMAIL, "."]))
        return Reply(body=chat_body(f"Call {NEW_PHONE} now."))

    with scripted_upstream(answer) as running:
        yield running


@pytest.mark.parametrize("stream", [False, True])
def test_observing_replaces_and_restores_nothing_and_records_what_it_would(
    upstream: ScriptedUpstream,
    tmp_path: Path,
    stream: bool,
) -> None:
    with running_gateway(tmp_path, upstream.url, redact_bundle(mode="observe")) as gateway:
        answer = post(gateway, PATH, request_of(PATH, TEXT, stream=stream), CHAT_KEY)
        assert NEW_PHONE.encode() in answer.body
        assert asked(PATH, upstream.seen[-1].json) == TEXT
        prompt, output, *_ = gateway.records()
        assert prompt["redaction"]["clauses"] == ["R1"]
        assert output["redaction"]["clauses"] == ["R2"]


def placeholders(gateway: RunningGateway, upstream: ScriptedUpstream) -> list[str]:
    post(gateway, PATH, request_of(PATH, TEXT, stream=False))
    return PLACEHOLDER.findall(asked(PATH, upstream.seen[-1].json))


def test_nobody_without_the_audit_key_can_test_a_guess_at_a_placeholder(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    found: list[list[str]] = []
    for name in ("one", "other"):
        with running_gateway(tmp_path / name, upstream.url, redact_bundle()) as gateway:
            first, again = placeholders(gateway, upstream), placeholders(gateway, upstream)
            assert first == again
            found.append(first)
    assert len(found[0]) == 3
    assert not set(found[0]) & set(found[1])


def test_a_list_that_a_clause_has_replaced_needs_that_clauses_signatures() -> None:
    clauses = re.sub(
        r'@amend\("operator"\) @redact\("email, phone', '@amend("partner") @redact("email, phone', CLAUSES
    )
    assert clauses != CLAUSES
    files = redact_bundle(clauses)
    listed = PHRASES.format(hold_back=16).replace("heliotrope two", "heliotrope three")
    (change,) = changes(parse_bundle(files), parse_bundle({**files, "phrases.toml": listed.encode()}))
    assert change.describe() == "phrases names was changed"
    assert "partner" in str(change.render()["needs"])


class OneBundle:
    """As much of a folder's bundles as replaying one asks for."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def get(self, _: str) -> Bundle:
        return self.bundle


def test_replay_finds_a_record_that_says_something_else_was_replaced(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    files = redact_bundle()
    with running_gateway(tmp_path, upstream.url, files) as gateway:
        post(gateway, PATH, request_of(PATH, TEXT, stream=False))
        gateway.records()
        leaves = [entry.leaf for entry in gateway.service.ledger.records()]
    record = next(one for leaf in leaves if isinstance(one := parse_record(leaf), DecisionRecord))
    check = ReplayCheck(cast("Bundles", OneBundle(parse_bundle(files))))
    assert record.redaction is not None
    assert [finding.code for finding in check.check(0, record)] == []
    for forged in (
        None,
        replace(record.redaction, clauses=()),
        replace(record.redaction, clauses=("R2",)),
        replace(record.redaction, kinds=record.redaction.kinds[:1]),
        Redaction((), ()),
    ):
        found = list(check.check(0, replace(record, redaction=forged)))
        assert Code.VERDICT_DIFFERS in [finding.code for finding in found]


def test_a_bundle_of_another_law_about_content_is_signed_as_such() -> None:
    files = redact_bundle()
    lifted = adopted(
        {
            **files,
            "clauses/all.cedar": files["clauses/all.cedar"].replace(
                b", phone, phrases:names", b", phrases:names"
            ),
        }
    )
    (change,) = changes(parse_bundle(files), parse_bundle(lifted))
    assert change.describe() == "clause R1 was changed"
