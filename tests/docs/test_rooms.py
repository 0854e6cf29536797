"""The maps of rooms name exactly the packages that there are."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, name_of, rows

ROOMS = {path.parent.name for path in (ROOT / "src/caveat").glob("*/__init__.py")}


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_the_map_of_rooms_names_every_package_and_no_other(page: Path) -> None:
    text = page.read_text("utf-8")
    found = re.search(r"^## .*rooms\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL | re.IGNORECASE)
    assert found is not None, "a heading `## … rooms` with a table, a room in each first cell"
    named = [row[0].strip("`").rstrip("/").rpartition("/")[2] for row in rows(found[1])]
    assert sorted(named) == sorted(ROOMS)
