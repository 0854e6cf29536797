"""Whether anybody could tell a planted case without reading it: classifiers on all that a reviewer sees."""

from datetime import timedelta
from pathlib import Path
from statistics import fmean

import pytest

from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.telling import farthest, mean_auc, told

AIM = 0.55


@pytest.mark.long
def test_little_but_reading_tells_a_planted_case_from_a_real_one(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    found = [told(tmp_path / str(seed), module_upstream.url, seed, 2_000) for seed in (11, 13, 15)]
    lines = "\n".join(one.line() for one in found)
    assert all(0.3 < one.planted / one.shown < 0.6 for one in found), lines
    assert max(map(farthest, mean_auc(found).values())) <= AIM, lines
    assert farthest(fmean(one.alone for one in found)) <= AIM, lines


@pytest.mark.long
def test_a_case_that_comes_at_a_time_of_its_own_is_told_in_500_already(
    module_upstream: ScriptedUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caveat.gateway.planting.delay", lambda _opened, _chance: timedelta(seconds=3))
    found = told(tmp_path, module_upstream.url, 11, 500)
    assert found.auc["regression"] > AIM, found.line()
    assert found.auc["trees without the facts"] > AIM, found.line()
    assert found.alone > AIM, found.line()
