"""Every page can be reached, every link leads somewhere, and the project speaks of itself alone."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, anchors, fences, headings, links, name_of, pages, snippets

PAGES = pages()
_FOREIGN = re.compile(r"(?<![\w.-])/(home|root|srv)/\w|\b(TODO|FIXME|XXX)\b", re.IGNORECASE)
_LANGUAGES = {"", "console", "sh", "python", "json", "toml", "cedar", "csv", "text"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken: list[str] = []
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        if not aim.exists() or (anchor and anchor not in anchors(aim)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_speaks_of_anything_but_the_project(page: Path) -> None:
    found = [match[0] for match in _FOREIGN.finditer(page.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_has_one_title_and_fences_of_known_languages(page: Path) -> None:
    text = page.read_text("utf-8")
    titles = [
        line for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines() if line[:2] == "# "
    ]
    assert len(titles) == 1
    assert headings(page)[0] == titles[0][2:].replace("`", "")
    assert {fence.info for fence in fences(page)} <= _LANGUAGES
    marked = len(re.findall(r"^<!-- (?:run|file): ", text, flags=re.MULTILINE))
    assert len(snippets(page)) == marked, "a mark is spelt `<!-- run: CODE -->` or `<!-- file: NAME -->`"


def test_every_page_is_reached_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = ((page.parent / link.partition("#")[0]).resolve() for link in links(page) if link[0] != "#")
        waiting += (aim for aim in targets if aim.suffix == ".md" and aim.exists())
    unreached = [name_of(page) for page in DOCS.rglob("*.md") if page not in reached]
    assert unreached == []


def test_the_index_of_decision_records_is_complete_and_in_order() -> None:
    folder = DOCS / "adr"
    records = sorted(page for page in folder.glob("*.md") if page.name != "README.md")
    assert [link for link in links(folder / "README.md") if link[:1].isdigit()] == [p.name for p in records]
    for record in records:
        text = record.read_text("utf-8")
        assert re.match(rf"# (ADR-)?{record.name[:4]}\b", text), (
            f"{record.name}: the title begins with its number"
        )
        for part in ("Drivers", "Options", "Decision", "Consequences"):
            assert re.search(rf"^##+ .*{part}", text, re.MULTILINE | re.IGNORECASE), f"{record.name}: {part}"


def test_the_code_cites_only_decision_records_that_exist() -> None:
    cited = {
        number
        for file in (ROOT / "src").rglob("*.py")
        for number in re.findall(r"ADR-(\d{4})", file.read_text("utf-8"))
    }
    existing = {page.name[:4] for page in (DOCS / "adr").glob("[0-9]*.md")}
    assert cited <= existing


def test_the_code_points_at_pages_that_exist() -> None:
    cited = {
        path
        for file in (ROOT / "src").rglob("*.py")
        for path in re.findall(r"\bdocs/[a-z0-9/._-]+\.md", file.read_text("utf-8"))
    }
    assert [path for path in sorted(cited) if not (ROOT / path).is_file()] == []
