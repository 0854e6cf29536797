"""The seed corpus through every target, and a few thousand changes of it; `make fuzz` goes on for longer."""

import random
import subprocess
import sys

import pytest

from tests.fuzz.seeds import CORPUS, seeds
from tests.fuzz.targets import TARGETS

SEED = 20_300_601


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_seeds_and_takes_them(name: str) -> None:
    files = sorted((CORPUS / name).iterdir())
    assert files
    for file in files:
        TARGETS[name](file.read_bytes())


def test_the_seeds_in_the_folder_are_those_that_are_made() -> None:
    for target, name, data in seeds():
        assert (CORPUS / target / name).read_bytes() == data, f"{target}/{name}"


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_its_own_error_escapes_from_a_parser(name: str) -> None:
    dice = random.Random(SEED)
    files = [file.read_bytes() for file in sorted((CORPUS / name).iterdir())]
    for _ in range(400):
        data = bytearray(dice.choice(files))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data) + 1)
            match dice.randrange(3):
                case 0:
                    data[at : at + dice.randint(0, 8)] = b""
                case 1:
                    data[at:at] = dice.randbytes(dice.randint(1, 4))
                case _:
                    data[at : at + 1] = dice.choice([b'"', b"{", b"]", b"\\", b"\x00", b"\xff", b"9", b"="])
        TARGETS[name](bytes(data))


@pytest.mark.long
def test_the_fuzzer_runs_and_would_find_what_escapes() -> None:
    """A target that lets another error out ends with a finding: the harness can fail."""
    code = (
        "import sys, atheris\n"
        "import tests.fuzz.targets as t\n"
        "def bad(data):\n"
        "    if data[:1] == b'{': raise ValueError('escaped')\n"
        "atheris.Setup(['x', '-max_total_time=20', '-artifact_prefix=/dev/null'], bad)\n"
        "atheris.Fuzz()\n"
    )
    bad = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, check=False)
    assert bad.returncode != 0
    good = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", "--seconds", "2", "key"],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert good.returncode == 0, good.stderr
