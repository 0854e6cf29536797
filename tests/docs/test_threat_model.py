"""The threat model names tests that exist, and every attack that the code cites."""

import re

from tests.docs.pages import ROOT, rows

PAGE = ROOT / "THREAT_MODEL.md"
ATTACKS = [row for row in rows(PAGE.read_text("utf-8")) if row[0].isdigit()]
_TEST = re.compile(r"`(test_\w+)`")


def _existing() -> frozenset[str]:
    return frozenset(
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    )


def test_every_test_that_is_named_exists() -> None:
    named = {name for row in ATTACKS for name in _TEST.findall(row[3])}
    assert sorted(named - _existing()) == []


def test_an_attack_has_a_test_or_is_said_to_be_open() -> None:
    open_rows = [row[0] for row in ATTACKS if not _TEST.search(row[3]) and row[4] in ("", "–")]
    assert open_rows == []


def test_attacks_are_numbered_once_and_in_order() -> None:
    numbers = [int(row[0]) for row in ATTACKS]
    assert numbers == sorted(set(numbers))
    assert set(range(1, 74)) <= set(numbers)


def test_the_code_cites_only_attacks_that_are_listed() -> None:
    known = {int(row[0]) for row in ATTACKS}
    cited = {
        int(number)
        for file in (ROOT / "src").rglob("*.py")
        for found in re.findall(r"[Aa]ttacks?\s+([\d,\s]+(?:(?:and|to)\s+\d+)?)", file.read_text("utf-8"))
        for number in re.findall(r"\d+", found)
    }
    assert cited <= known
