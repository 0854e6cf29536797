"""Attack families: what each may do, that the seed alone decides, and that a stranger can add one."""

import base64
import codecs
import random
import sys
from pathlib import Path

import pytest

from caveat.assay.attacks.agents import InjectedCase, InjectedThreat
from caveat.assay.attacks.ask import LET_THROUGH, Attempt, Family, Forgery, differing
from caveat.assay.attacks.issuer import ROLES
from caveat.assay.attacks.material import Material, MaterialError, read_material
from caveat.assay.attacks.registry import BUILT_IN, FamilyError, load_families
from caveat.assay.attacks.splitting import Splitter
from caveat.assay.attacks.wording import ENCODINGS
from caveat.assay.generator import Pair, generate_pairs
from caveat.assay.mint import issuing_role
from caveat.assay.oracle import label
from caveat.assay.protection import ADVERSARIES, OUTSIDER, Power
from caveat.assay.world import registry_of
from caveat.facts.fact import Grade
from caveat.store.folder import read_folder

ROOT = Path(__file__).parents[2]
USES = generate_pairs(3, 58)
MATERIAL = read_material(ROOT / "eval" / "data")

STRANGER = '''
"""An attack by somebody else: shouts."""

from dataclasses import replace

from caveat.assay.attacks.ask import Attempt, Family, honest
from caveat.assay.protection import Power


class Shouting(Family):
    """Asks in capital letters."""

    name = "shouts"
    powers = frozenset({Power.WORDING})

    def attempt(self, use, rng, material):
        return Attempt((replace(honest(use), wording=str.upper),))


FAMILIES = (Shouting(),)
'''


def attempts(family: Family, use: Pair, seeds: int = 6) -> list[Attempt]:
    found = [family.attempt(use, random.Random(seed), MATERIAL) for seed in range(seeds)]
    return [*(one for one in found if one is not None), *family.every(use)]


def test_orders_stand_in_results_of_tools_as_their_authors_wrote_them() -> None:
    assert len(MATERIAL.agent_cases) == 17 * 30
    assert len(MATERIAL.agent_threats) == 24
    for rows in (MATERIAL.agent_cases, MATERIAL.agent_threats):
        assert len({name for name, _ in rows}) == len(rows)
        assert not [name for name, text in rows if "<Attacker Instruction>" in text]
    for family in (InjectedCase(), InjectedThreat()):
        (attempt,) = attempts(family, USES[0], 1)
        texts = dict((*MATERIAL.agent_cases, *MATERIAL.agent_threats))
        assert attempt.asks[0].result == texts[attempt.variant]


@pytest.mark.parametrize("family", BUILT_IN, ids=lambda family: family.name)
def test_a_family_keeps_to_its_powers(family: Family) -> None:
    tried = [(use, attempt) for use in USES for attempt in attempts(family, use)]
    assert tried, "it has an attempt for some use"
    for use, attempt in tried:
        assert len(attempt.asks) == len(attempt.weights)
        for ask in attempt.asks:
            true = use.twin if Power.MODEL in family.powers else use.truth
            may_lie = family.powers & {Power.LYING, Power.FORGING}
            assert (
                may_lie
                or ask.claims.items() <= {**true, "subject_count": ask.claims.get("subject_count")}.items()
            )
            assert bool(ask.forged) == (Power.FORGING in family.powers)
            assert bool(ask.bought) == (Power.ISSUER_KEY in family.powers)
            assert bool(ask.emits) == (Power.MODEL in family.powers)
            assert not (ask.note or ask.result) or Power.INJECTING in family.powers
            assert len(attempt.asks) == 1 or family.powers & {Power.SPLITTING, Power.FORGING}
            slices = Power.SPLITTING in family.powers
            assert slices or all(true[name] == value for name, value in ask.signed.items()), (
                "no false witness"
            )


@pytest.mark.parametrize("family", BUILT_IN, ids=lambda family: family.name)
def test_the_seed_alone_decides(family: Family) -> None:
    drawn = [[attempt.variant for attempt in attempts(family, use)] for use in USES]
    again = [[attempt.variant for attempt in attempts(family, use)] for use in USES]
    assert drawn == again


def test_every_power_has_a_family_and_no_outsider_has_a_key() -> None:
    powers = set[Power]().union(*(family.powers for family in BUILT_IN))
    assert powers == set(Power)
    assert Power.ISSUER_KEY not in ADVERSARIES[OUTSIDER]
    assert {family.name for family in BUILT_IN if Power.FORGING in family.powers} == {
        f"forges-{forgery.value.replace('_', '-')}" for forgery in Forgery
    }


def test_slices_are_each_permitted_and_together_denied() -> None:
    split = [(use, attempt) for use in USES for attempt in attempts(Splitter(), use)]
    assert split
    for use, attempt in split:
        for ask in attempt.asks:
            assert label(ask.signed).result == "allow"
        assert label({**use.truth, "subject_count": sum(attempt.weights)}).result == "deny"
        assert attempt.does_harm((True,) * len(attempt.asks))
        assert not attempt.does_harm((True,) * (len(attempt.asks) - 1) + (False,))


def test_what_a_person_must_release_is_let_through_by_allow_alone() -> None:
    assert LET_THROUGH["deny"] == {"allow", "needs_approval"}
    assert LET_THROUGH["needs_approval"] == {"allow"}


def test_encodings_hold_the_words() -> None:
    text = "Which rows belong together?"
    assert base64.b64decode(ENCODINGS["base64"](text).split(": ")[1]).decode() == text
    assert codecs.decode(ENCODINGS["rot13"](text).split(": ")[1], "rot13") == text
    assert ENCODINGS["zero-width"](text).replace("\u200b", "") == text
    assert ENCODINGS["backwards"](text).split(": ")[1][::-1] == text
    assert len({encode(text) for encode in ENCODINGS.values()}) == len(ENCODINGS)


def test_the_roles_of_insiders_are_those_of_the_bundle() -> None:
    registry = registry_of(read_folder(ROOT / "policies" / "government-analytics"))
    by_role: dict[str, set[str]] = {}
    for name, spec in registry.items():
        if spec.grade is Grade.ESTIMATED:
            continue  # a screen's word, and no issuer's
        by_role.setdefault(issuing_role(spec), set()).add(name)
    assert {role: set(facts) for role, facts in ROLES} == by_role
    assert all(differing(use) for use in USES)


def test_a_file_adds_a_family(tmp_path: Path) -> None:
    path = tmp_path / "shouting.py"
    path.write_text(STRANGER)
    (added,) = [family for family in load_families([path]) if family.name == "shouts"]
    attempt = added.attempt(USES[0], random.Random(0), Material())
    assert attempt is not None
    assert attempt.asks[0].wording("abc") == "ABC"


def test_an_installed_package_adds_a_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shouting_attacks.py").write_text(STRANGER)
    info = tmp_path / "shouting_attacks-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting-attacks\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[caveat.assay.families]\nshouts = shouting_attacks:FAMILIES\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "shouts" in {family.name for family in load_families()}
    sys.modules.pop("shouting_attacks", None)


@pytest.mark.parametrize(
    "text",
    ["", "FAMILIES = (1,)", "FAMILIES = ()", "raise RuntimeError", STRANGER.replace('"shouts"', '"naive"')],
)
def test_a_file_without_families_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(text)
    with pytest.raises(FamilyError):
        load_families([path])
    with pytest.raises(FamilyError):
        load_families([tmp_path / "absent.py"])


def test_a_missing_data_set_leaves_its_families_out_and_a_broken_one_is_said(tmp_path: Path) -> None:
    assert read_material(tmp_path).sets == frozenset()
    assert read_material(None).sets == frozenset()
    assert MATERIAL.sets == {need for family in BUILT_IN for need in family.needs}
    broken = tmp_path / "bipia"
    broken.mkdir()
    (broken / "text_attack_train.json").write_text("{")
    with pytest.raises(MaterialError):
        read_material(tmp_path)
