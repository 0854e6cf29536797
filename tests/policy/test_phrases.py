"""`phrases.toml`: what may stand there, and whose consent a change of it needs."""

import pytest

from caveat.policy.bundle import BundleError, parse_bundle
from caveat.policy.changes import changes
from tests.support.phrase_world import FACTS, PHRASES, phrase_bundle

GOOD = PHRASES.format(hold_back=64)


def bundle(text: str) -> dict[str, bytes]:
    return {**phrase_bundle(), "phrases.toml": text.encode()}


def test_a_bundle_has_its_lists_and_one_without_the_file_has_none() -> None:
    found = parse_bundle(bundle(GOOD)).phrases
    assert [one.name for one in found.lists] == ["names", "doors"]
    assert found.facts == {"code_names", "passwords"}
    assert found.hold_back_chars == 64
    without = {name: data for name, data in phrase_bundle().items() if name != "phrases.toml"}
    assert parse_bundle(without).phrases.lists == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('fact = "code_names"', 'fact = "subject_count"'),
        ('fact = "code_names"', 'fact = "nobody_knows"'),
        ("score = 100", "score = 0"),
        ("score = 100", "score = 101"),
        ("score = 100", 'score = "high"'),
        ('["open sesame"]', "[]"),
        ('["open sesame"]', '["..."]'),
        ('["open sesame"]', f'["{"x" * 201}"]'),
        ("hold_back_chars = 64", "hold_back_chars = -1"),
        ("hold_back_chars = 64", "hold_back_chars = true"),
        ("hold_back_chars = 64", "hold_back_chars = 70000"),
        ("version = 1", 'version = 1\nextra = "x"'),
        ("[phrases.doors]", "[phrases.doors]\nmode = 1"),
        ("version = 1", "version = 1\n["),
    ],
)
def test_what_makes_no_sense_keeps_the_bundle_from_loading(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(BundleError) as refused:
        parse_bundle(bundle(GOOD.replace(old, new, 1)))
    assert any("phrases" in finding for finding in refused.value.findings)


def test_a_change_needs_the_fact_and_every_clause_that_reads_it() -> None:
    facts = FACTS.replace(
        'about = "use"\namend = "operator"\ntext = "Names',
        'about = "use"\namend = "partner"\ntext = "Names',
    )
    old, new = bundle(GOOD), bundle(GOOD.replace("heliotrope two", "heliotrope three"))
    for files in (old, new):
        files["facts.toml"] = files["facts.toml"].replace(FACTS.encode(), facts.encode())
    (change,) = changes(parse_bundle(old), parse_bundle(new))
    assert change.describe() == "phrases names was changed"
    assert set(change.render()["needs"].replace("&", " ").split()) == {"operator", "partner"}  # type: ignore[union-attr]  # a formula is text


def test_how_much_waits_is_a_setting_that_everybody_signs() -> None:
    old, new = parse_bundle(bundle(GOOD)), parse_bundle(bundle(GOOD.replace("= 64", "= 0", 1)))
    (change,) = changes(old, new)
    assert change.describe() == "setting phrases.hold_back_chars was changed"
