"""No public sentence about protection stands without a run that bears it out, and none is written by hand."""

import re
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import pytest

from tests.docs.assurance import SOURCE, UnsupportedClaimError, read_case
from tests.docs.pages import DOCS, ROOT, name_of

CASE = read_case()
_GENERATED = re.compile(r"<!-- generated: [a-z-]+ -->.*?<!-- end generated -->", re.DOTALL)
_COMMANDS = re.compile(r"^```(?!text).*?^```", re.DOTALL | re.MULTILINE)
_ASIDE = re.compile(r"`[^`\n]*`|\]\([^)]*\)|<!--.*?-->", re.DOTALL)
_PROTECTS = re.compile(
    r"\b(lets?|letting|gets?|got) through|\b(unsafe|blocks?|blocked|stops?|stopped|refuses?|refused|held"
    r"|protects?|protected|breach|breached|caught|catches|prevents?|prevented)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(
    r"\d\s*(%|per ?cent\b)|\b\d[\d,.]* of (the )?\d"
    r"|\b\d[\d,.]* (\w+ ){0,2}(uses|attacks|attempts|requests|cases|forgeries|prompts|lies)\b",
    re.IGNORECASE,
)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the source and its reports, to be spoiled."""
    for run in CASE.runs.values():
        shutil.copytree(ROOT / run.folder, tmp_path / run.folder)
    shutil.copy(SOURCE, tmp_path / "assurance.toml")
    return tmp_path


def edit(root: Path, old: str, new: str) -> None:
    source = root / "assurance.toml"
    text = source.read_text("utf-8")
    assert old in text
    source.write_text(text.replace(old, new, 1), "utf-8")


def refused(root: Path, why: str) -> None:
    with pytest.raises(UnsupportedClaimError, match=why):
        read_case(root / "assurance.toml", root)


def test_every_sentence_is_borne_out_by_a_run_that_came_to_its_end() -> None:
    assert CASE.claims
    for claim in CASE.claims:
        assert claim.run.command.startswith("caveat assay ")
        assert not re.search(r"[{}]", claim.text), claim.id
        assert claim.assumes, f"`{claim.id}` assumes nothing, which cannot be"
        assert re.search(r"\d", claim.text)
    assert any(claim.readme for claim in CASE.claims)


def test_a_sentence_without_a_run_fails(copied: Path) -> None:
    edit(copied, 'run = "gateway"', 'run = "elsewhere"')
    refused(copied, "names no run")


def test_a_sentence_whose_figure_is_not_in_the_report_fails(copied: Path) -> None:
    edit(copied, '"arms/whole/unsafe"', '"arms/whole/safety"')
    refused(copied, "no measured figure")


def test_a_sentence_whose_figure_does_not_hold_fails(copied: Path) -> None:
    path = copied / CASE.runs["gateway"].folder / "report.json"
    report = orjson.loads(path.read_bytes())
    report["arms"]["whole"]["unsafe"]["count"] = 1
    path.write_bytes(orjson.dumps(report))
    refused(copied, r"`unsafe.count == 0` does not hold, it is 1")


def test_an_unmeasured_figure_is_no_zero(copied: Path) -> None:
    path = copied / CASE.runs["gateway"].folder / "report.json"
    report = orjson.loads(path.read_bytes())
    report["arms"]["whole"]["unsafe"] = None
    path.write_bytes(orjson.dumps(report))
    refused(copied, "no measured figure")


def test_a_run_that_was_cut_short_bears_nothing_out(copied: Path) -> None:
    path = copied / CASE.runs["gateway"].folder / "report.json"
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), "partial": True}))
    refused(copied, "did not come to its end")


def test_a_sentence_of_which_nothing_must_hold_fails(copied: Path) -> None:
    edit(copied, 'must = ["unsafe.count == 0", "unsafe.of >= 30"]', "must = []")
    refused(copied, "rests on no figure of which something must hold")


def test_an_assumption_that_nobody_wrote_down_fails(copied: Path) -> None:
    edit(copied, 'assumes = ["issuers-tell-the-truth",', 'assumes = ["all-is-well",')
    refused(copied, "assumptions not both used and written")


def test_what_is_not_measured_is_said() -> None:
    page = (DOCS / "assurance.md").read_text("utf-8")
    report = CASE.runs["gateway"].report
    named = [*report["unmeasured_layers"], *report["unmeasured_arms"], *report["families_not_tried"]]
    without = [
        name
        for name, layer in report["layers"].items()
        if all(one["effect"] != "measured" for one in layer["adversaries"].values())
    ]
    assert named
    assert [name for name in (*named, *without) if f"`{name}` |" not in page] == []


def test_reports_name_the_bundle_that_stands_in_the_repository() -> None:
    from caveat.policy.bundle import parse_bundle
    from caveat.store.folder import read_folder

    digest = parse_bundle(read_folder(ROOT / "policies" / "government-analytics")).digest
    assert CASE.runs["gateway"].report["run"]["bundle"] == digest, "renew the reports with `make report`"


def sentences(page: Path) -> Iterator[str]:
    """The prose of a page by sentences, rows and shown output too, without what is generated."""
    text = page.read_text("utf-8")
    for left_out in (_GENERATED, _COMMANDS, _ASIDE):
        text = left_out.sub("", text)
    for block in re.split(r"\n\s*\n|\n(?=[-*|] ?|\d+\. )", text):
        yield from re.split(r"(?<=[.!?:])\s+", " ".join(block.split()))


def claims_by_hand(page: Path, allowed: Sequence[str] = ()) -> list[str]:
    """Sentences that read as a claim of protection with a figure, and that nobody has accounted for."""
    return [
        sentence
        for sentence in sentences(page)
        if _PROTECTS.search(sentence)
        and _FIGURE.search(sentence)
        and not any(words in sentence for words in allowed)
    ]


READ = [
    ROOT / "README.md",
    DOCS / "README.md",
    *sorted(page for kind in ("explanation", "how-to", "tutorial") for page in (DOCS / kind).glob("*.md")),
]


@pytest.mark.parametrize("page", READ, ids=name_of)
def test_no_claim_of_protection_is_written_by_hand(page: Path) -> None:
    allowed = [one["words"] for one in CASE.stated if one["page"] == name_of(page)]
    assert claims_by_hand(page, allowed) == [], (
        "move it to docs/assurance.toml, or say there which test holds it"
    )


@pytest.mark.parametrize(
    "claim",
    [
        "It blocks 99 % of all attacks.",
        "Of 2,000 uses nothing unsafe was let through, 0 of 2000.",
        "The gateway stops 38 of 38 forgeries.",
    ],
)
def test_a_claim_of_protection_is_known_as_one(tmp_path: Path, claim: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\nSomething else. {claim}\n")
    assert claims_by_hand(page) == [claim]
    assert claims_by_hand(page, [claim[:12]]) == []


def test_every_exception_stands_where_it_is_said_and_has_a_reason() -> None:
    for one in tomllib.loads(SOURCE.read_text("utf-8")).get("stated", ()):
        assert one["words"] in " ".join((ROOT / one["page"]).read_text("utf-8").split()), one
        assert one["why"]
