"""A world for each test, over one scripted upstream for each module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.library_world import World, make_world
from tests.support.scripted_upstream import ScriptedUpstream, plain_reply, scripted_upstream


@pytest.fixture(scope="module")
def module_upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as upstream:
        yield upstream


@pytest.fixture
def world(tmp_path: Path, module_upstream: ScriptedUpstream) -> World:
    module_upstream.script = plain_reply
    module_upstream.seen.clear()
    module_upstream.closed_early.clear()
    return make_world(tmp_path, module_upstream)
