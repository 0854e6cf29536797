"""What the code writes into the reference is what stands there."""

import re
from pathlib import Path

import pytest

from tests.docs import generated
from tests.docs.generated import BLOCKS, renewed
from tests.docs.pages import name_of

_NAMES = re.compile(r"<!-- generated: ([a-z-]+) -->")
PAGES = [page for page in generated.PAGES if _NAMES.search(page.read_text("utf-8"))]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_generated_parts_are_fresh(page: Path) -> None:
    text = page.read_text("utf-8")
    assert renewed(text) == text, "renew with `.venv/bin/python -m tests.docs.generated`"


def test_every_generated_part_stands_somewhere_once() -> None:
    found = [name for page in PAGES for name in _NAMES.findall(page.read_text("utf-8"))]
    assert sorted(found) == sorted(BLOCKS)
