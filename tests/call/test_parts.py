"""What counts as typed words and what as data: every doubt ends at data."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.call.call import Part, PartKind
from caveat.call.parts import Declaration, Origin, RawPart, classify_parts, raw_part, tabular_media_type
from caveat.signing.digest import sha256

CSV = "device,place\n" + "\n".join(f"d{n},x" for n in range(7))
JSONL = "\n".join(json.dumps({"id": n}) for n in range(8))
ARRAY = json.dumps([{"id": n} for n in range(8)])


def piece(text: str, pointer: str = "/messages/0/content", origin: Origin = Origin.TEXT) -> RawPart:
    return raw_part(pointer, "user", origin, "text/plain", text.encode())


def kinds(*raw: RawPart, limit: int = 1000, **more: object) -> list[PartKind]:
    declared = more.get("declared", {})
    covered = more.get("covered", frozenset())
    parts = classify_parts(raw, declared, covered, limit)  # type: ignore[arg-type]
    return [part.kind for part in parts]


def test_plain_words_are_typed() -> None:
    assert kinds(piece("What is the capital of France?")) == [PartKind.TYPED]


def test_a_declared_part_is_data_with_its_media_type_and_column() -> None:
    declared = {"/messages/0/content": Declaration("/messages/0/content", "text/csv", "device")}
    (part,) = classify_parts((piece("a few words"),), declared, frozenset(), 1000)
    assert (part.kind, part.media_type, part.id_column) == (PartKind.DATA, "text/csv", "device")


def test_a_part_that_evidence_covers_is_data() -> None:
    assert kinds(piece("a few words"), covered={sha256(b"a few words")}) == [PartKind.DATA]


@pytest.mark.parametrize("origin", [Origin.TOOL, Origin.OPAQUE])
def test_what_a_tool_returned_and_what_nobody_can_read_is_data(origin: Origin) -> None:
    assert kinds(piece("fine", origin=origin)) == [PartKind.DATA]


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        (CSV, "text/csv"),
        (CSV.replace(",", "\t"), "text/csv"),
        (CSV.replace(",", ";"), "text/csv"),
        ("Please look at this:\n\n" + CSV + "\n\nThank you, and good-bye.", "text/csv"),
        (CSV.replace("\n", "\r\n"), "text/csv"),
        (JSONL, "application/jsonl"),
        ("Rows:\n" + JSONL.replace("\n", ",\n"), "application/jsonl"),
        (ARRAY, "application/json"),
        ("Rows: " + ARRAY + " Sort them.", "application/json"),
        (json.dumps({"rows": [[n, n] for n in range(8)]}), "application/json"),
        ("[" * 5000, "application/json"),
    ],
)
def test_a_table_of_eight_rows_is_data_wherever_it_stands(text: str, media_type: str) -> None:
    raw = piece(text)
    assert tabular_media_type(raw) == media_type
    assert kinds(raw, limit=100_000) == [PartKind.DATA]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"d{n},x" for n in range(7)),
        json.dumps([{"id": n} for n in range(7)]),
        "One, two.\nThree.\nFour, five, six.\nSeven.\nEight.\nNine, ten.\nEleven.\nTwelve.\nThirteen.",
        "int a = 1;\n" * 20,
        "- a point\n" * 20,
        "",
    ],
)
def test_seven_rows_prose_and_code_are_words(text: str) -> None:
    assert tabular_media_type(piece(text)) is None


def test_typed_words_are_counted_over_the_whole_request_and_the_rest_is_data() -> None:
    raw = [piece("a" * 40, f"/messages/{n}/content") for n in range(3)]
    assert kinds(*raw, limit=100) == [PartKind.TYPED, PartKind.TYPED, PartKind.DATA]
    small = piece("b", "/messages/3/content")
    assert kinds(*raw, small, limit=100)[-1] is PartKind.DATA, "nothing is typed once the room is used up"


def test_data_does_not_use_up_the_room_for_words() -> None:
    assert kinds(piece(CSV), piece("a" * 90, "/messages/1/content"), limit=100)[1] is PartKind.TYPED


def test_a_table_inside_a_tool_definition_is_data_and_a_list_of_tools_is_not() -> None:
    tools = [{"type": "function", "function": {"name": f"t{n}", "description": "does it"}} for n in range(9)]
    plain = raw_part("/tools", "request", Origin.STRUCTURE, "application/json", json.dumps(tools).encode())
    assert kinds(plain, limit=10_000) == [PartKind.TYPED]
    tools[3]["function"] = {"name": "t3", "description": CSV}
    hidden = raw_part("/tools", "request", Origin.STRUCTURE, "application/json", json.dumps(tools).encode())
    assert kinds(hidden, limit=10_000) == [PartKind.DATA]


texts = st.text(max_size=80) | st.just(CSV) | st.just(JSONL)
raws = st.lists(st.tuples(texts, st.sampled_from(list(Origin))), max_size=6).map(
    lambda items: tuple(piece(text, f"/messages/{n}", origin) for n, (text, origin) in enumerate(items))
)


def data_of(parts: tuple[Part, ...]) -> set[str]:
    return {part.pointer for part in parts if part.kind is PartKind.DATA}


@given(raws, st.integers(0, 200))
def test_declaring_a_part_never_turns_any_part_from_data_into_words(
    raw: tuple[RawPart, ...], limit: int
) -> None:
    before = data_of(classify_parts(raw, {}, frozenset(), limit))
    for target in raw:
        declared = {target.pointer: Declaration(target.pointer)}
        after = classify_parts(raw, declared, frozenset(), limit)
        # A declared part leaves room for later words, so only the declared one and those before are compared.
        earlier = {one.pointer for one in raw[: raw.index(target) + 1]}
        assert data_of(after) & earlier >= (before & earlier) | {target.pointer}


@given(raws, st.integers(0, 200))
def test_parts_keep_their_order_bytes_and_digests_and_words_stay_within_the_limit(
    raw: tuple[RawPart, ...], limit: int
) -> None:
    parts = classify_parts(raw, {}, frozenset(), limit)
    assert [part.content for part in parts] == [one.content for one in raw]
    assert all(part.digest == sha256(part.content) for part in parts)
    assert sum(len(part.content) for part in parts if part.kind is PartKind.TYPED) <= limit
