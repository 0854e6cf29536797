"""The write-ahead log's frames: whole ones come back, torn ones end it."""

from hypothesis import given
from hypothesis import strategies as st

from caveat.ledger.wal import render_frames, replay_frames, segment_name, segment_start

LEAVES = st.lists(st.binary(min_size=1, max_size=50), max_size=8)


@given(LEAVES, st.binary(max_size=40))
def test_frames_come_back_and_any_tail_costs_none_of_them(leaves: list[bytes], tail: bytes) -> None:
    frames = render_frames(leaves)
    replayed = replay_frames(frames + tail)
    assert replayed.leaves[: len(leaves)] == tuple(leaves)
    assert replayed.whole_bytes >= len(frames)


@given(LEAVES, st.data())
def test_a_torn_frame_is_dropped_and_nothing_before_it(leaves: list[bytes], data: st.DataObject) -> None:
    frames = render_frames(leaves)
    cut = data.draw(st.integers(0, len(frames)))
    replayed = replay_frames(frames[:cut])
    assert replayed.leaves == tuple(leaves[: len(replayed.leaves)])
    assert replayed.whole_bytes == len(render_frames(replayed.leaves)) <= cut


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=8), st.data())
def test_a_flipped_bit_never_comes_back_as_a_leaf(leaves: list[bytes], data: st.DataObject) -> None:
    frames = bytearray(render_frames(leaves))
    at = data.draw(st.integers(0, len(frames) - 1))
    frames[at] ^= 1 << data.draw(st.integers(0, 7))
    replayed = replay_frames(bytes(frames)).leaves
    assert len(replayed) < len(leaves)
    assert replayed == tuple(leaves[: len(replayed)])


def test_zeros_that_a_file_system_left_behind_are_no_frames() -> None:
    frames = render_frames([b"one"])
    assert replay_frames(frames + bytes(4096)).leaves == (b"one",)
    assert replay_frames(bytes(4096)).whole_bytes == 0


def test_segment_names_sort_as_their_indices() -> None:
    names = [segment_name(n) for n in (0, 9, 10, 2**63)]
    assert names == sorted(names)
    assert [segment_start(name) for name in names] == [0, 9, 10, 2**63]
    assert segment_start("0.wal") is None
    assert segment_start(segment_name(3) + ".tmp") is None
