"""A gateway for each test module, with a scripted upstream behind it that every test may script anew."""

from collections.abc import Iterator

import pytest

from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import Scripted, ScriptedUpstream, plain_reply, scripted_upstream


@pytest.fixture(scope="module")
def module_upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def module_gateway(
    module_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with running_gateway(folder, module_upstream.url, idle_seconds=2.0, first_byte_seconds=2.0) as running:
        yield running


@pytest.fixture(scope="module")
def script() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def scripted(script: Scripted) -> Iterator[ScriptedUpstream]:
    """An upstream that answers what `script` says, whatever it is asked."""
    with scripted_upstream(script) as running:
        yield running


@pytest.fixture
def upstream(module_upstream: ScriptedUpstream) -> Iterator[ScriptedUpstream]:
    module_upstream.script = plain_reply
    module_upstream.seen.clear()
    module_upstream.closed_early.clear()
    yield module_upstream
    module_upstream.script = plain_reply


@pytest.fixture
def gateway(module_gateway: RunningGateway, upstream: ScriptedUpstream) -> RunningGateway:
    """The module's gateway, with an upstream that has forgotten the last test."""
    assert upstream.seen == []
    return module_gateway
