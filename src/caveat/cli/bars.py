"""The budgets: what each figure of `caveat bench` is compared with, and whether it holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure is compared with: at most `bar`, or at least where `more_is_better`. None: no bar."""

    name: str
    unit: str
    bar: float | None
    more_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and how many observations stand behind it."""

    value: float
    n: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the report. `measured` is None where there is none, and `reason` says why."""

    bar: Bar
    measured: Measured | None
    reason: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the bar is met; None without a value or without a bar."""
        if self.measured is None or self.bar.bar is None:
            return None
        value = self.measured.value
        return value >= self.bar.bar if self.bar.more_is_better else value <= self.bar.bar


BARS = (
    Bar("evaluator_cpu_us", "us", 100.0),
    Bar("cedar_confirm_cpu_us", "us", 450.0),
    Bar("decisions_per_cpu_s_memo_off", "1/s", None, more_is_better=True),
    Bar("decisions_per_cpu_s_memo_on", "1/s", None, more_is_better=True),
    Bar("evidence_new_cpu_us", "us", 300.0),
    Bar("evidence_known_cpu_us", "us", 20.0),
    Bar("caller_key_cpu_us", "us", 20.0),
    Bar("caller_token_new_cpu_us", "us", 300.0),
    Bar("caller_token_known_cpu_us", "us", 20.0),
    Bar("caller_certificate_cpu_us", "us", 20.0),
    Bar("parts_100kb_rows_cpu_ms", "ms", 20.0),
    Bar("parts_100kb_text_cpu_ms", "ms", 20.0),
    Bar("parts_4kb_chat_cpu_ms", "ms", 1.0),
    Bar("parts_none_registered_cpu_us", "us", None),
    Bar("turn_10_cpu_ms", "ms", None),
    Bar("turn_200_cpu_ms", "ms", None),
    Bar("turn_200_to_10", "ratio", 1.5),
    Bar("agent_turn_10_cpu_ms", "ms", None),
    Bar("agent_turn_200_cpu_ms", "ms", None),
    Bar("agent_turn_200_to_10", "ratio", 1.5),
    Bar("monitors_use_cpu_ms", "ms", 0.2),
    Bar("monitors_memory_mb", "MB", None),
    Bar("monitors_bound_mb", "MB", 1500),
    Bar("monitors_agent_ms", "ms", 1.0),
    Bar("durable_records_per_s_128", "1/s", 10_000.0, more_is_better=True),
    Bar("verify_million_cpu_s", "s", 60.0),
    Bar("verify_peak_mb", "MB", None),
    Bar("gateway_cpu_ms", "ms", 1.0),
    Bar("gateway_rps", "1/s", 1_000.0, more_is_better=True),
    Bar("gateway_p50_ms", "ms", None),
    Bar("gateway_p99_ms", "ms", None),
    Bar("passthrough_rps", "1/s", None, more_is_better=True),
    Bar("passthrough_cpu_ms", "ms", None),
    Bar("gateway_to_passthrough", "ratio", None, more_is_better=True),
    Bar("stream_chunk_cpu_ms", "ms", 0.1),
    Bar("phrases_chunk_cpu_ms", "ms", 0.1),
    Bar("panel_message_cpu_ms", "ms", 3.0),
    Bar("redact_chunk_cpu_ms", "ms", 0.1),
    Bar("classifier_200_tokens_cpu_ms", "ms", 1.0),
    Bar("classifier_megabyte_cpu_s", "s", None),
    Bar("identifiers_rows_cpu_ms_kb", "ms", 1.0),
    Bar("identifiers_prose_cpu_ms_kb", "ms", 1.0),
    Bar("prove_25_s", "s", None),
    Bar("prove_50_s", "s", 2.0),
    Bar("prove_200_s", "s", None),
    Bar("cold_start_s", "s", 2.0),
    Bar("coverage_cpu_s", "s", None),
    Bar("idle_rss_mb", "MB", 120.0),
    Bar("diff_25_s", "s", None),
    Bar("diff_50_s", "s", 0.3),
    Bar("diff_200_s", "s", None),
)
"""Source: DESIGN section 9, `docs/reference/bench.md`."""
