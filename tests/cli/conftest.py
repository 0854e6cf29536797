"""The command line, called in this process."""

import pytest

from tests.cli.calling import Caveat


@pytest.fixture
def caveat(capsys: pytest.CaptureFixture[str]) -> Caveat:
    return Caveat(capsys)
