"""The extended bundle: written from the example, read once more by an oracle, with uses of its own."""

import ast
import importlib.util
from pathlib import Path

import pytest

from caveat.assay import oracle_extended
from caveat.assay.arms import LAYERS, every_arm
from caveat.assay.attacks.issuer import ROLES, Insider
from caveat.assay.errors import ScenarioError
from caveat.assay.extension import UNANNOUNCED, generate_extended
from caveat.assay.generator import generate_pairs
from caveat.assay.oracle import label
from caveat.assay.oracle_extended import Words, label_extended
from caveat.assay.subjects import generate_uses, unused_layers
from caveat.cli.assay_proof import prove_insiders
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.store.folder import read_folder

ROOT = Path(__file__).parents[2]
EXTENDED = ROOT / "eval" / "bundles" / "extended"


@pytest.fixture(scope="module")
def extended() -> Bundle:
    return parse_bundle(read_folder(EXTENDED))


@pytest.fixture(scope="module")
def example() -> Bundle:
    return parse_bundle(read_folder(ROOT / "policies" / "government-analytics"))


def test_the_bundle_is_what_the_script_writes_from_the_example_as_it_is_now() -> None:
    spec = importlib.util.spec_from_file_location("extend", EXTENDED.parent / "extend.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = {str(path.relative_to(EXTENDED)): path for path in EXTENDED.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in written.items()} == module.extended_files()


def test_the_second_oracle_imports_the_first_and_nothing_else_of_the_project() -> None:
    tree = ast.parse(Path(oracle_extended.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in imported if name and name.startswith("caveat")} == {"caveat.assay.oracle"}


def test_a_policy_measures_the_layers_for_which_it_has_a_clause(extended: Bundle, example: Bundle) -> None:
    assert unused_layers(extended) == {}
    unused = unused_layers(example)
    assert set(unused) == {"answers", "phrases", "workflows", "redaction"}
    names = {arm.name for arm in every_arm(unused)}
    assert {f"without:{layer}" for layer in LAYERS} & names == {
        f"without:{layer}" for layer in LAYERS if layer not in unused and layer != "enforcement"
    }


def test_each_policy_gets_its_own_uses_and_a_third_one_none(extended: Bundle, example: Bundle) -> None:
    assert generate_uses(example, 3, 30) == generate_pairs(3, 30)
    assert generate_uses(extended, 3, 30) == generate_extended(3, 30) == generate_extended(3, 40)[:30]
    files = dict(read_folder(EXTENDED))
    files["clauses/E.cedar"] = files["clauses/E.cedar"].replace(b'@id("E3")', b'@id("E9")')
    with pytest.raises(ScenarioError, match="otherwise than the oracle knows"):
        generate_uses(parse_bundle(files), 3, 30)


def test_every_use_is_denied_or_needs_a_person_and_every_twin_is_allowed() -> None:
    for pair in generate_extended(5, 400):
        words = Words(unannounced=_names(pair.text), addresses=pair.watched)
        found = label_extended(pair.truth, words)
        assert (found.result, pair.clause in found.clauses) == (pair.right, True), pair.id
        twin_text = pair.twin_text or pair.text
        twin = Words(unannounced=_names(twin_text), addresses=pair.watched)
        assert label_extended(pair.twin, twin).result == "allow", pair.id
    drawn = generate_extended(5, 400)
    assert {pair.clause for pair in drawn} >= {"E1", "E3", "E4", "R1.a"}
    assert sum(bool(pair.workflow) for pair in drawn) == 50


def test_insiders_are_compared_with_a_proof_only_where_facts_decide(extended: Bundle) -> None:
    uses = [use for use in generate_extended(1, 16) if use.right == "deny"]
    proved = prove_insiders(extended, uses)
    assert proved is not None
    assert proved.openers.keys() == {use.id for use in uses if use.id.startswith("g")}
    named = next(use for use in uses if use.twin_text and use.truth == use.twin)
    assert Insider().every(named) == ()
    assert len(Insider().every(next(use for use in uses if use.id in proved.openers))) == len(ROLES)


def test_the_added_clauses_only_tighten() -> None:
    for pair in generate_pairs(8, 200):
        for truth in (pair.truth, pair.twin):
            before, now = label(truth), label_extended(truth)
            assert now.result == before.result or now.result == "deny"
            assert set(before.clauses) <= set(now.clauses) or before.result != "deny"


def _names(text: str) -> bool:
    return any(name in text for name in UNANNOUNCED)
