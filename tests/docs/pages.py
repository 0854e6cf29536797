"""The documents of the repository, and what the tests read in them: fences, headings, tables, links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_MARK = re.compile(r"<!-- (run|file): (\S+) -->\n\Z")
_CODE = re.compile(r"`([^`]+)`")


def pages() -> tuple[Path, ...]:
    """Every Markdown file that belongs to the project, in a fixed order."""
    found = [*ROOT.glob("*.md")]
    for folder in ("docs", "conformance", "policies", "tests", "benchmarks"):
        found += (ROOT / folder).rglob("*.md")
    return tuple(sorted(found))


def name_of(page: Path) -> str:
    """The path from the root of the repository: the test's name for the page."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True, slots=True)
class Snippet:
    """A marked fence: `run` it and expect this exit code, or write it to `file`."""

    line: int
    language: str
    text: str
    run: int | None
    file: str | None


def snippets(page: Path) -> tuple[Snippet, ...]:
    """The marked fences of a page, in order; raises `ValueError` for a mark that marks no fence."""
    tokens = _tokens(page)
    found: list[Snippet] = []
    for place, token in enumerate(tokens):
        following = tokens[place + 1] if place + 1 < len(tokens) else None
        mark = _MARK.match(token.content) if token.type == "html_block" else None
        if mark is None:
            continue
        if following is None or following.type != "fence" or following.map is None:
            raise ValueError(f"{name_of(page)}: a mark stands before no fence")
        kind, value = mark.groups()
        run, file = (int(value), None) if kind == "run" else (None, value)
        found.append(Snippet(following.map[0] + 1, following.info, following.content, run, file))
    return tuple(found)


def fences(page: Path) -> Iterator[Token]:
    """Every fence of a page."""
    return (token for token in _tokens(page) if token.type == "fence")


def headings(page: Path) -> tuple[str, ...]:
    """The text of every heading, without code marks."""
    tokens = _tokens(page)
    return tuple(
        tokens[i + 1].content.replace("`", "") for i, t in enumerate(tokens) if t.type == "heading_open"
    )


def anchors(page: Path) -> frozenset[str]:
    """The anchors that headings make, as code forges derive them."""
    made: dict[str, int] = {}
    found: set[str] = set()
    for heading in headings(page):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = made.get(anchor, 0)
        made[anchor] = count + 1
        found.add(f"{anchor}-{count}" if count else anchor)
    return frozenset(found)


def links(page: Path) -> tuple[str, ...]:
    """The target of every link."""
    return tuple(
        str(child.attrs["href"])
        for token in _tokens(page)
        for child in token.children or ()
        if child.type == "link_open"
    )


def section(page: Path, heading: str) -> str:
    """The Markdown below a heading, up to the next of its level or above; raises `ValueError` without one."""
    lines = page.read_text("utf-8").splitlines()
    for start, line in enumerate(lines):
        if line.lstrip("#") != line and line.lstrip("# ").replace("`", "") == heading:
            level = len(line) - len(line.lstrip("#"))
            ends = (
                place
                for place, other in enumerate(lines[start + 1 :], start + 1)
                if re.match(rf"#{{1,{level}}} ", other)
            )
            return "\n".join(lines[start + 1 : next(ends, len(lines))])
    raise ValueError(f"{name_of(page)} has no heading `{heading}`")


def rows(text: str) -> tuple[tuple[str, ...], ...]:
    """The rows of every table in `text`, without headers."""
    found: list[tuple[str, ...]] = []
    body = False
    for line in text.splitlines():
        if not line.startswith("|"):
            body = False
        elif re.fullmatch(r"[|\s:-]+", line) and not body:
            body = True
        elif body:
            cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
            found.append(tuple(cell.strip() for cell in cells))
    return tuple(found)


def first_codes(text: str) -> tuple[str, ...]:
    """What stands in code marks in the first cell of every row."""
    return tuple(code for row in rows(text) for code in _CODE.findall(row[0]))


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8"))
