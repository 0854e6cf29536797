"""Whether anybody could tell a planted case without reading it: classifiers on all that a reviewer sees."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.telling import told

AIM = 0.55


@pytest.mark.long
@pytest.mark.parametrize("seed", [11, 13])
def test_little_but_reading_tells_a_planted_case_from_a_real_one(
    seed: int, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    found = told(tmp_path, module_upstream.url, seed, 2_000)
    assert 0.3 < found.planted / found.shown < 0.6
    assert max(found.auc.values()) <= AIM, found.line()
    assert found.alone <= AIM, found.line()


@pytest.mark.long
def test_a_case_that_comes_at_its_own_time_is_told_by_every_classifier(
    module_upstream: ScriptedUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a small difference in what is shown would be found, and in 500 cases already."""
    monkeypatch.setattr("caveat.gateway.planting.delay", lambda _opened, _chance: timedelta(seconds=3))
    found = told(tmp_path, module_upstream.url, 11, 500)
    assert min(found.auc.values()) > AIM, found.line()
    assert found.alone > AIM, found.line()
