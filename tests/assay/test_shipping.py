"""What is measured with never reaches what is shipped; the product has no switch for what is taken out."""

import csv
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from caveat.assay.arms import CLAIMS, ENFORCEMENT, LAYERS
from caveat.assay.attacks.material import read_material
from caveat.assay.outside import read_suite

ROOT = Path(__file__).parents[2]
EVAL = ROOT / "eval"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a wheel that is built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.slow
def test_no_attack_text_and_no_program_that_takes_layers_out_is_in_the_wheel(wheel: dict[str, bytes]) -> None:
    assert "caveat/assay/campaign.py" in wheel
    assert not [name for name in wheel if "eval" in Path(name).parts or name.endswith("without.py")]
    carried = {path.name for path in EVAL.rglob("*") if path.suffix in {".csv", ".json", ".jsonl"}}
    assert carried
    assert not carried & {Path(name).name for name in wheel}
    shipped = b"\n".join(wheel.values())
    assert not [text for text in _texts() if text.encode() in shipped]


def test_no_attack_text_is_in_the_documentation() -> None:
    docs = "\n".join(path.read_text() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
    assert not [text for text in _texts() if text in docs]


def _texts() -> list[str]:
    """Long pieces of what others wrote."""
    with (EVAL / "data" / "in_the_wild_jailbreaks" / "jailbreak_prompts.csv").open(newline="") as file:
        wild = [row["prompt"][:80] for row in csv.DictReader(file)]
    bipia = json.loads((EVAL / "data" / "bipia" / "text_attack_train.json").read_text())
    suite = read_suite(EVAL / "data", 1, each=1_000, of_bare=0)
    material = read_material(EVAL / "data")
    outside = [one.text for prompts in suite.sets.values() for one in prompts]
    orders = [text[:200] for _, text in (*material.agent_cases, *material.agent_threats)]
    texts = [*wild, *(each for kind in bipia.values() for each in kind), *outside, *orders]
    return [text for text in texts if len(text) > 40]


def test_the_image_takes_nothing_from_the_folder() -> None:
    files = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]
    container = [path for path in files if "ontainerfile" in path.name or "ockerfile" in path.name]
    assert container
    copied = [
        line
        for path in container
        for line in path.read_text().splitlines()
        if line.strip().upper().startswith(("COPY", "ADD"))
    ]
    assert copied
    assert not [line for line in copied if "eval" in line or line.split()[1] in {".", "./"}]


@pytest.mark.slow
def test_the_model_file_is_in_the_wheel_with_its_licence_and_what_made_it_is_not(
    wheel: dict[str, bytes],
) -> None:
    models = "caveat/screens/models"
    assert {f"{models}/{name}" for name in ("classifier.npz", "manifest.json", "LICENSE", "NOTICE")} <= set(
        wheel
    )
    assert not [name for name in wheel if "training" in Path(name).parts]
    sentences = (ROOT / "training" / "sentences" / "jailbreak.txt").read_text().splitlines()
    shipped = b"\n".join(wheel.values())
    assert not [line for line in sentences if line.encode() in shipped]


@pytest.mark.slow
def test_nothing_of_the_peers_is_shipped(wheel: dict[str, bytes]) -> None:
    files = [path for path in (EVAL / "peers").rglob("*") if path.is_file()]
    assert {"front.py", "serve.py", "policy_patterns.json", "requirements.lock"} <= {
        one.name for one in files
    }
    assert not {path.read_bytes() for path in files} & set(wheel.values())
    assert not [name for name in wheel if "peers" in Path(name).parts]
    assert "/.peers" in (ROOT / ".gitignore").read_text().splitlines()
    (metadata,) = [data.decode() for name, data in wheel.items() if name.endswith("METADATA")]
    lines = metadata.lower().replace("_", "-").splitlines()
    required = "\n".join(line for line in lines if line.startswith("requires-dist"))
    assert required
    assert not [
        name for name in ("litellm", "nemoguardrails", "openai-guardrails", "llm-guard") if name in required
    ]


def test_what_a_peer_needs_is_locked_by_hash_and_names_no_registry() -> None:
    locks = sorted((EVAL / "peers").glob("*/requirements.lock"))
    assert len(locks) >= 4
    for lock in locks:
        text = lock.read_text()
        pinned = re.findall(r"^([a-z0-9.\-]+)(?:\[.*\])?==", text, re.MULTILINE)
        assert len(pinned) > 10
        assert len(re.findall(r"^\S.*==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)) == len(pinned)
        assert not re.search(r"https?:|index-url|find-links|file:", text)
        assert not [
            name for name in pinned if name.startswith(("nvidia", "cuda")) or name in {"torch", "triton"}
        ]
        folder = lock.parent
        assert {"README.md", "requirements.in", "serve.py"} <= {path.name for path in folder.iterdir()}


def test_no_program_of_a_peer_imports_anything_of_the_project() -> None:
    programs = sorted((EVAL / "peers").rglob("*.py"))
    assert len(programs) >= 7
    assert not [path for path in programs if re.search(r"^\s*(?:import|from) caveat", path.read_text(), re.M)]


def test_every_set_has_its_licence_and_a_row_that_names_its_source() -> None:
    readme = (EVAL / "data" / "README.md").read_text()
    sets = [path for path in (EVAL / "data").iterdir() if path.is_dir()]
    assert len(sets) >= 12
    for path in sets:
        assert (path / "LICENSE").stat().st_size > 500, path.name
        assert f"| {path.name} |" in readme
        for file in path.iterdir():
            assert file.name == "LICENSE" or f"`{file.name}`" in readme, file
    total = sum(path.stat().st_size for path in (EVAL / "data").rglob("*") if path.is_file())
    assert total < 2_500_000


def _without() -> ModuleType:
    spec = importlib.util.spec_from_file_location("without", EVAL / "arms" / "without.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_program_takes_out_exactly_the_layers_that_a_bundle_cannot() -> None:
    assert set(_without().SAFEGUARDS) == set(LAYERS) - {ENFORCEMENT, CLAIMS}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "usage"),
        (["--without", "nothing-like-it", "serve"], "no such safeguard"),
        (["--without", "binding", "serve"], "for development alone"),
        (["--without", "binding", "serve", "--bundle", "policies/government-analytics"], "development alone"),
    ],
)
def test_the_program_serves_no_bundle_that_a_party_could_have_signed(arguments: list[str], said: str) -> None:
    command = [sys.executable, str(EVAL / "arms" / "without.py"), *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode != 0
    assert said in result.stderr


def test_nothing_in_the_package_replaces_a_function_of_the_gateway() -> None:
    """The product has no switch: no module of the assay imports the gateway, nor sets what is not its own."""
    for path in (ROOT / "src" / "caveat" / "assay").rglob("*.py"):
        text = path.read_text()
        assert "setattr(" not in text
        assert "caveat.gateway" not in text
