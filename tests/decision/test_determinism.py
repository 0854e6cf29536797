"""Equal facts, equal decision: in another process, with another hash seed, step for step."""

import os
import subprocess
import sys

import pytest

from tests.oracle.example import ROOT

PROGRAM = """
import hashlib
from caveat.decision.decide import decide
from tests.decision.uses import situation
from tests.oracle.compare import cases

digest = hashlib.sha256()
for _, bundle, point, facts in cases(range(60), 6):
    digest.update(repr(decide(bundle.policy, point, facts)).encode())
for seed in range(25):
    digest.update(repr(situation(seed, example=True).decide()).encode())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_another_process_with_another_hash_seed_decides_alike_step_for_step() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(answers) == 1
    assert len(answers.pop().strip()) == 64
