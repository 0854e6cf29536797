"""A gateway with three overseers, and a clock to move."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.overseers import ANNA, BEN, CARA, Clock, overseen_bundle
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    files = overseen_bundle(ANNA, BEN, CARA).files()
    module_upstream.seen.clear()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as running:
        yield running
