"""Evidence bound to rows and sentences, over HTTP: a selection, an addition, a mixture, a quote."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caveat.evidence.manifest import MEDIA_TYPE, Manifest, rows_manifest, sentences_manifest
from caveat.evidence.rows import read_rows
from caveat.evidence.sentences import normalise
from caveat.evidence.statement import FactValue, Scope, Statement, Subject, mint_envelope
from caveat.signing.digest import Digest, sha256
from tests.support.raw_client import Answer, asking, chat, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, OWNER

EACH: dict[str, Scope] = {"acquisition_channel": Scope.EACH}
NOBODY: dict[str, FactValue] = {"acquisition_channel": "first_party", "subject_count": 0}
OWN: dict[str, FactValue] = {"acquisition_channel": "first_party"}
BOUGHT: dict[str, FactValue] = {"acquisition_channel": "purchased"}
BULK: dict[str, FactValue] = {"acquisition_channel": "bulk_purchased"}
COLUMNS = ("device_id", "place", "hour")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with (
        scripted_upstream() as upstream,
        running_gateway(tmp_path_factory.mktemp("parts"), upstream.url) as running,
    ):
        yield running


@pytest.fixture
def uncounted(tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway in which nobody was reached yet."""
    with scripted_upstream() as upstream, running_gateway(tmp_path, upstream.url) as running:
        yield running


Table = list[tuple[str, ...]]


def rows(tag: str, count: int, persons: int = 20) -> Table:
    """Rows of a data set of its own, of so many persons."""
    return [(f"{tag}{n % persons}", f"place {n}", f"{n % 24:02}:00") for n in range(count)]


def csv_of(table: Sequence[Sequence[str]], columns: Sequence[str] = COLUMNS) -> str:
    return "\n".join(",".join(row) for row in [columns, *table]) + "\n"


def manifest_of(text: str, columns: tuple[str, ...] = COLUMNS) -> Manifest:
    return rows_manifest(read_rows(text), columns, b"0123456789abcdef")


def statement(
    digest: Digest, facts: Mapping[str, FactValue], scope: Mapping[str, Scope], source: str, audience: str
) -> bytes:
    now = datetime.now(UTC).replace(microsecond=0)
    return mint_envelope(
        Statement(
            issuer="owner",
            subjects=(Subject("data", digest),),
            facts=facts,
            audience=(audience,),
            issued_at=now - timedelta(minutes=1),
            expires_at=now + timedelta(days=1),
            id=secrets.token_hex(8),
            source=source,
            scope=scope,
        ),
        [OWNER],
    )


def put(gateway: RunningGateway, data: bytes, media_type: str = "application/json") -> Answer:
    headers = {"authorization": f"Bearer {DESK_KEY}", "content-type": media_type}
    return send(gateway.url, "/v1/evidence", data, headers)


def attest(
    gateway: RunningGateway,
    manifest: Manifest,
    facts: Mapping[str, FactValue] = OWN,
    scope: Mapping[str, Scope] = EACH,
    audience: str = "desk",
) -> None:
    """Uploads a statement about the manifest, and the manifest."""
    source = f"source:{manifest.digest[:12]}"
    envelope = statement(manifest.digest, facts, scope, source, audience)
    assert put(gateway, envelope).status == 201
    answer = put(gateway, manifest.render(), MEDIA_TYPE)
    assert (answer.status, answer.json["n"]) == (201, len(manifest.leaves)), answer.body


def ask(gateway: RunningGateway, *texts: str, key: str = DESK_KEY, **claims: object) -> str:
    """The verdict on a use of these texts, each in a content part of its own."""
    parts = [{"type": "text", "text": text} for text in texts]
    body = {"model": "scripted", "max_tokens": 64, "messages": [{"role": "user", "content": parts}]}
    if claims:
        body["caveat"] = {"claims": claims}
    answer = chat(gateway.url, key, body)
    return "allow" if answer.status == 200 else str(answer.error["code"])


def test_a_subset_keeps_what_is_true_of_each_row(gateway: RunningGateway) -> None:
    table = rows("sub", 60)
    attest(gateway, manifest_of(csv_of(table)))
    assert ask(gateway, csv_of(table)) == "allow"
    assert ask(gateway, csv_of(table[7:31])) == "allow"
    assert ask(gateway, csv_of(rows("unattested", 24))) == "needs_evidence"


def test_a_subset_loses_what_is_true_of_the_whole_alone(gateway: RunningGateway) -> None:
    table = rows("whole", 60)
    attest(gateway, manifest_of(csv_of(table)), scope={})
    assert ask(gateway, csv_of(table)) == "allow"
    assert ask(gateway, csv_of(table[:-1])) == "needs_evidence"
    assert ask(gateway, csv_of([*table[:-1], table[0]])) == "needs_evidence", (
        "as many rows, one of them twice"
    )


def test_a_superset_is_as_unproved_as_what_was_added(gateway: RunningGateway) -> None:
    table = rows("super", 60)
    attest(gateway, manifest_of(csv_of(table)))
    assert ask(gateway, csv_of([*table, ("super1", "elsewhere", "04:00")])) == "needs_evidence"
    wider = [(*row, "note") for row in table]
    assert ask(gateway, csv_of(wider, (*COLUMNS, "remark"))) == "needs_evidence"
    assert (
        ask(gateway, csv_of(table) + "\nand some words beside them that nobody attested\n")
        == "needs_evidence"
    )


def test_one_foreign_row_among_a_thousand_is_found(gateway: RunningGateway) -> None:
    table = rows("thousand", 1000)
    attest(gateway, manifest_of(csv_of(table)))
    assert ask(gateway, csv_of(table[:999])) == "allow"
    foreign = [*table[:500], ("thousand7", "a place that is not listed", "03:00"), *table[500:999]]
    assert ask(gateway, csv_of(foreign)) == "needs_evidence"


def test_a_projection_is_covered_only_where_it_was_attested(gateway: RunningGateway) -> None:
    table = rows("proj", 40)
    attest(gateway, manifest_of(csv_of(table)))
    narrow = [(row[0], row[2]) for row in table]
    text = csv_of(narrow, ("device_id", "hour"))
    assert ask(gateway, text) == "needs_evidence"
    attest(gateway, manifest_of(csv_of(table), ("device_id", "hour")))
    assert ask(gateway, text) == "allow"
    mixed = [(table[n][0], table[-1 - n][2]) for n in range(40)]
    assert ask(gateway, csv_of(mixed, ("device_id", "hour"))) == "needs_evidence", "cells of different rows"


def test_order_of_rows_and_columns_does_not_matter(gateway: RunningGateway) -> None:
    table = rows("order", 40)
    attest(gateway, manifest_of(csv_of(table)), scope={})
    turned = [(row[2], row[0], row[1]) for row in reversed(table)]
    assert ask(gateway, csv_of(turned, ("hour", "device_id", "place"))) == "allow"


def test_a_re_encoding_with_equal_cells_is_the_same_data(gateway: RunningGateway) -> None:
    table = rows("code", 30)
    attest(gateway, manifest_of(csv_of(table)), scope={})
    objects = [dict(zip(COLUMNS, row, strict=True)) for row in table]
    for text in (
        "\n".join("\t".join(row) for row in [COLUMNS, *table]),
        "\r\n".join(";".join(f'"{cell}"' for cell in row) for row in [COLUMNS, *table]),
        "\n".join(json.dumps(one, sort_keys=True) for one in objects),
        json.dumps(objects, indent=1),
    ):
        assert ask(gateway, text) == "allow", text[:80]
    changed = [*objects[:-1], {**objects[-1], "hour": "24:00"}]
    assert ask(gateway, json.dumps(changed)) == "needs_evidence"


def test_each_row_of_a_union_is_decided_with_its_own_facts(gateway: RunningGateway) -> None:
    own, bought, bulk = rows("u-own", 30), rows("u-bought", 30), rows("u-bulk", 30)
    attest(gateway, manifest_of(csv_of(own)))
    attest(gateway, manifest_of(csv_of(bought)), BOUGHT)
    attest(gateway, manifest_of(csv_of(bulk)), BULK)
    assert ask(gateway, csv_of([*own, *bought])) == "needs_approval"
    assert ask(gateway, csv_of([*own, *bulk[:1]])) == "deny"
    assert ask(gateway, csv_of([*own, bulk[0], *bought, ("nobody", "x", "y")])) == "deny"


def test_what_holds_of_a_whole_set_does_not_hold_of_a_union(gateway: RunningGateway) -> None:
    one, two = rows("w-one", 30), rows("w-two", 30)
    attest(gateway, manifest_of(csv_of(one)), scope={})
    attest(gateway, manifest_of(csv_of(two)), scope={})
    assert ask(gateway, csv_of(one), csv_of(two)) == "allow", "each whole, in a part of its own"
    assert ask(gateway, csv_of([*one, *two])) == "needs_evidence"


def test_persons_of_a_union_are_counted_together(uncounted: RunningGateway) -> None:
    one, two = rows("p-one", 600, 600), rows("p-two", 600, 600)
    attest(uncounted, manifest_of(csv_of(one)))
    attest(uncounted, manifest_of(csv_of(two)))
    assert ask(uncounted, csv_of([*one, *two])) == "deny"
    assert ask(uncounted, csv_of(one)) == "allow"
    assert ask(uncounted, csv_of(two)) == "deny", "of another lineage and the same kind"


def test_totals_of_selections_add_up_under_their_source(uncounted: RunningGateway) -> None:
    table = rows("t-source", 1200, 1200)
    attest(uncounted, manifest_of(csv_of(table)))
    assert ask(uncounted, csv_of(table[:700])) == "allow"
    assert ask(uncounted, csv_of(table[700:])) == "deny"


def test_mixing_sources_launders_nothing(gateway: RunningGateway) -> None:
    own, bulk = rows("m-own", 50), rows("m-bulk", 50)
    attest(gateway, manifest_of(csv_of(own)))
    attest(gateway, manifest_of(csv_of(bulk)), BULK, scope={})
    mixed = csv_of([*own, bulk[0]])
    assert ask(gateway, mixed) == "deny", "what holds of the whole still restricts every row"
    assert ask(gateway, mixed, acquisition_channel="first_party") == "deny"
    assert ask(gateway, csv_of(own), f"and this:\n{','.join(bulk[3])}\nwhat is it?") == "deny"
    assert put(gateway, statement(sha256(mixed.encode()), OWN, {}, "source:mixed", "desk")).status == 201
    assert ask(gateway, mixed) == "deny", "attesting the whole file does not cover up what is in it"


def story(of: str) -> str:
    """A document of four sentences that shares no stretch of 32 characters with another's."""
    return (
        f"The {of} office keeps a {of} list of each {of} vessel that asks for a {of} berth. "
        f"Entries of {of} name the {of} master, the {of} cargo and the {of} day.\n"
        f"A clerk of {of} compares this {of} list with the {of} log of the {of} lighthouse weekly! "
        f"More than two {of} differences are told to the {of} warden, who decides {of} matters."
    )


def test_a_document_is_known_again_however_its_lines_are_broken(gateway: RunningGateway) -> None:
    text = story("river")
    attest(gateway, sentences_manifest(normalise(text)), NOBODY, scope={})
    again = "\n\n".join(text.split()).replace("\n\n", "  \n", 9)
    assert ask(gateway, again) == "allow"
    backwards = ". ".join(reversed(text.removesuffix(".").split(". "))) + "."
    assert ask(gateway, backwards) != "allow", "the order of a document matters"


def test_a_whole_sentence_keeps_what_is_true_of_each_and_one_of_ones_own_is_unproved(
    gateway: RunningGateway,
) -> None:
    text = story("mountain")
    attest(gateway, sentences_manifest(normalise(text)), NOBODY, {**EACH, "subject_count": Scope.EACH})
    sentence = text.partition("\n")[0]
    assert ask(gateway, "What is this?", sentence) == "allow"
    body = "x" * 3000 + ". " + sentence  # too long to be typed words
    assert ask(gateway, body) == "needs_evidence"


def test_a_quote_of_restricted_text_is_denied_wherever_it_stands(gateway: RunningGateway) -> None:
    text = story("customs")
    attest(gateway, sentences_manifest(normalise(text)), BULK, audience="chat")
    attest(gateway, sentences_manifest(normalise(text)), BULK)
    quote = "compares this customs list with the customs log of the customs lighthouse"
    around = f"my notes say that somebody {quote} but why would they?"
    plain = asking("Somebody looks at two lists now and then, but why would they?")
    assert chat(gateway.url, CHAT_KEY, plain).status == 200
    assert chat(gateway.url, CHAT_KEY, asking(around)).error["code"] == "deny"
    assert ask(gateway, around, key=CHAT_KEY, acquisition_channel="first_party") == "deny"
    envelope = statement(sha256(around.encode()), OWN, {}, "source:prose", "desk")
    assert put(gateway, envelope).status == 201
    assert ask(gateway, around) == "deny", "attesting the words around a quote does not cover the quote"


def test_a_harmless_quote_in_typed_words_changes_nothing(gateway: RunningGateway) -> None:
    text = story("forest")
    attest(gateway, sentences_manifest(normalise(text)), audience="chat")
    words = asking(f"Explain: {text[:150]}")
    assert chat(gateway.url, CHAT_KEY, words).status == 200
    assert ask(gateway, f"Explain: {text[:150]}") == "needs_evidence", "nor does it permit anything"


def test_a_manifest_that_does_not_hold_is_never_stored_and_harms_nobody(gateway: RunningGateway) -> None:
    table = rows("forged", 30)
    manifest = manifest_of(csv_of(table))
    stranger = put(gateway, manifest.render(), MEDIA_TYPE)
    assert (stranger.status, stranger.error["code"]) == (400, "manifest_unsigned")
    envelope = statement(manifest.digest, OWN, EACH, "source:forged", "desk")
    assert put(gateway, envelope).status == 201
    data = manifest.render()
    for spoiled in (
        data[:-1],
        data + b"\0",
        data[:-32] + bytes(32),
        data.replace(b'"n":30', b'"n":29'),
        b"{}\n",
    ):
        answer = put(gateway, spoiled, MEDIA_TYPE)
        assert (answer.status, answer.error["code"]) == (400, "manifest_invalid")
    assert ask(gateway, csv_of(table)) == "needs_evidence"
    assert put(gateway, data, MEDIA_TYPE).status == 201
    assert ask(gateway, csv_of(table)) == "allow"
    kept = [record for record in gateway.records("evidence") if record["envelope"] == manifest.digest]
    assert [record["outcome"] for record in kept] == ["manifest"]


def test_manifests_survive_a_restart(tmp_path: Path) -> None:
    table = rows("restart", 30)
    with scripted_upstream() as upstream:
        with running_gateway(tmp_path, upstream.url) as first:
            attest(first, manifest_of(csv_of(table)))
        with running_gateway(tmp_path, upstream.url) as second:
            assert ask(second, csv_of(table[:10])) == "allow"
