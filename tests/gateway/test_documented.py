"""Every error code, metric and log event stands in the reference, and nothing stands there that is not."""

import re
from pathlib import Path

from caveat.gateway.metrics import Metrics

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "http.md").read_text("utf-8")
WIRING = [path for room in ("service", "library") for path in (ROOT / "src/caveat" / room).glob("*.py")]
SOURCES = [*(ROOT / "src/caveat/gateway").rglob("*.py"), *WIRING]
CODE = re.compile(r'(?:Error|__init__)\(\s*(\d{3}),\s*f?"([a-z_]+)')
EVENT = re.compile(r'log\.(?:debug|info|warning|error|critical)\(\s*"([a-z_]+)"')


def test_every_error_code_is_documented_with_its_status_and_no_other() -> None:
    raised = {found for path in SOURCES for found in CODE.findall(path.read_text("utf-8"))}
    documented = set(re.findall(r"^\| (\d{3}) \| `([a-z_]+)…?` \|", REFERENCE, re.MULTILINE))
    documented |= {("403", "halted")}  # an event of a stream, documented beside the streams
    assert len(raised) > 20
    assert raised == documented
    assert "`halted`" in REFERENCE


def test_every_metric_is_documented_and_no_other() -> None:
    named = set(re.findall(r"^# HELP (\S+)", Metrics().render().decode(), re.MULTILINE))
    named = {name for name in named if not name.endswith("_created")}
    documented = set(re.findall(r"^\| `(caveat_[a-z_]+)` \|", REFERENCE, re.MULTILINE))
    assert named == documented


def test_every_log_event_is_documented() -> None:
    events = {found for path in SOURCES for found in EVENT.findall(path.read_text("utf-8"))}
    line = REFERENCE.split("## Logs")[1]
    assert events
    assert {event for event in events if f"`{event}`" not in line} == set()
