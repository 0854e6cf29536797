"""Tables that people go on with: nothing of them is cut off, however narrow the terminal."""

from hypothesis import given
from hypothesis import strategies as st

from caveat.cli.fitted import laid_out

HEAD = ("fact", "value", "by")
ROWS = [("data_category", '["personal_financial"]', "data_owner"), ("task", "unknown", "")]


def test_a_table_that_fits_has_a_line_for_each_row() -> None:
    assert laid_out(HEAD, ROWS, 60) == [
        "fact           value                   by",
        'data_category  ["personal_financial"]  data_owner',
        "task           unknown",
    ]


def test_one_that_does_not_is_an_entry_for_each_row() -> None:
    assert laid_out(HEAD, ROWS, 46) == [
        "data_category",
        '  value: ["personal_financial"]',
        "  by: data_owner",
        "task",
        "  value: unknown",
    ]


def test_without_a_terminal_a_line_is_as_long_as_it_has_to_be() -> None:
    assert len(laid_out(HEAD, [("a" * 500, "b", "c")], None)[1]) == 500 + 2 + 5 + 2 + 1


def test_no_rows_are_a_head_alone() -> None:
    assert laid_out(HEAD, [], 80) == ["fact  value  by"]


CELLS = st.text("abc _.", max_size=30).map(str.strip)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5), st.integers(1, 100))
def test_every_cell_stands_in_it_whole(rows: list[tuple[str, str, str]], width: int) -> None:
    lines = "\n".join(laid_out(HEAD, rows, width))
    for row in rows:
        assert all(cell in lines for cell in row)
