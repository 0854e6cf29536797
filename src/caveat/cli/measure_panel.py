"""What the panel of screens in this process costs a message of 4 kB. No model and no network."""

import time

from caveat.gateway.guards import panel_of
from caveat.policy.screens import GivenScore, Screens, ScreenSpec

_MESSAGES = 100
_CHARS = 4096
_SENTENCE = "The committee read the budget, and Anna Weber asked what the church roof would cost. "


def measure_panel() -> tuple[float, int]:
    """Milliseconds for one message, and how many were read."""
    given = GivenScore("f", "sensitive_inference", 0.0, 1000.0, ((0.0, 0), (1000.0, 1000)), "", 1000)
    panel = panel_of(Screens(panel=(ScreenSpec("sensitive", "sensitive", 1000, (given,)),)))
    text = (_SENTENCE * (_CHARS // len(_SENTENCE) + 1))[:_CHARS]
    began = time.thread_time()
    for _ in range(_MESSAGES):
        panel.read_now(text)
    return (time.thread_time() - began) / _MESSAGES * 1e3, _MESSAGES
