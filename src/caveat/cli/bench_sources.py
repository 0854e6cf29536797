"""The measurements behind the figures: each imports its room only when it is run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from caveat.cli.bars import Measured
from caveat.signing.canonical import Json


@dataclass(frozen=True, slots=True)
class Source:
    """A measurement that gives one or several figures; raises where it cannot be made."""

    names: tuple[str, ...]
    run: Callable[[], Mapping[str, Measured]]


def _rows(rows: Sequence[Mapping[str, Json]]) -> Mapping[str, Measured]:
    """What a room reports as rows of this report; only the value and the count are taken from it."""
    found: dict[str, Measured] = {}
    for row in rows:
        name, value, n = row["name"], row["value"], row["n"]
        if isinstance(name, str) and isinstance(value, (int, float)) and isinstance(n, int):
            found[name] = Measured(float(value), n)
    return found


def _decision() -> Mapping[str, Measured]:
    from caveat.cli.measure_decision import measure_decision

    found = measure_decision()
    return {
        "evaluator_cpu_us": Measured(found.evaluator_cpu_us, found.n),
        "cedar_confirm_cpu_us": Measured(found.cedar_confirm_cpu_us, found.n // 3),
        "decisions_per_cpu_s_memo_off": Measured(found.decisions_per_s_memo_off, found.n),
        "decisions_per_cpu_s_memo_on": Measured(found.decisions_per_s_memo_on, 2 * found.n),
    }


def _prove() -> Mapping[str, Measured]:
    from caveat.cli.measure_prove import measure_prove

    return {f"prove_{clauses}_s": Measured(taken, 1) for clauses, taken in measure_prove().items()}


def _identifiers() -> Mapping[str, Measured]:
    from caveat.cli.measure_identifiers import measure_identifiers

    return {name: Measured(value, n) for name, (value, n) in measure_identifiers().items()}


def _evidence() -> Mapping[str, Measured]:
    from caveat.evidence.measure import measure_evidence

    return _rows(measure_evidence())


def _callers() -> Mapping[str, Measured]:
    from caveat.cli.measure_callers import measure_callers

    return {name: Measured(value, n) for name, (value, n) in measure_callers().items()}


def _parts() -> Mapping[str, Measured]:
    from caveat.cli.measure_parts import measure_parts

    return _rows(measure_parts())


def _turns() -> Mapping[str, Measured]:
    from caveat.cli.measure_turns import measure_turns

    return {name: Measured(value, n) for name, (value, n) in measure_turns().items()}


def _ledger() -> Mapping[str, Measured]:
    from caveat.ledger.measure import measure_durable_records

    seconds = 5.0
    rate = measure_durable_records(callers=128, seconds=seconds)
    return {"durable_records_per_s_128": Measured(rate, round(rate * seconds))}


def _verification() -> Mapping[str, Measured]:
    from caveat.ledger.measure import measure_verification

    records = 20_000
    seconds, megabytes = measure_verification(records)
    return {
        "verify_million_cpu_s": Measured(seconds, records),
        "verify_peak_mb": Measured(megabytes, records),
    }


def _gateway() -> Mapping[str, Measured]:
    from caveat.cli.measure_gateway import measure_gateway, measure_passthrough, staged

    with staged() as stage:
        figures = [*measure_passthrough(), *measure_gateway(stage)]
    return {figure.name: Measured(figure.value, figure.n) for figure in figures}


def _cold_start() -> Mapping[str, Measured]:
    from caveat.cli.measure_gateway import measure_cold_start, staged

    with staged() as stage:
        return {figure.name: Measured(figure.value, figure.n) for figure in measure_cold_start(stage)}


def _panel() -> Mapping[str, Measured]:
    from caveat.cli.measure_panel import measure_panel

    return {"panel_message_cpu_ms": Measured(*measure_panel())}


def _phrases() -> Mapping[str, Measured]:
    from caveat.cli.measure_phrases import measure_phrases

    return {"phrases_chunk_cpu_ms": Measured(*measure_phrases())}


def _monitors(*, full: bool = False) -> Mapping[str, Measured]:
    from caveat.cli.measure_monitors import FULL_SUBJECTS, SUBJECTS, measure_monitors

    milliseconds, megabytes, n = measure_monitors(FULL_SUBJECTS if full else SUBJECTS)
    return {"monitors_use_cpu_ms": Measured(milliseconds, n), "monitors_memory_mb": Measured(megabytes, 1)}


def _bounds() -> Mapping[str, Measured]:
    from caveat.cli.measure_bounds import measure_agent, measure_bound

    return {
        "monitors_bound_mb": Measured(*measure_bound()),
        "monitors_agent_ms": Measured(*measure_agent()),
    }


def _coverage() -> Mapping[str, Measured]:
    from caveat.cli.measure_coverage import measure_proof

    seconds, cells = measure_proof()
    return {"coverage_cpu_s": Measured(seconds, cells)}


def _redaction() -> Mapping[str, Measured]:
    from caveat.cli.measure_redaction import measure_redaction

    return {"redact_chunk_cpu_ms": Measured(*measure_redaction())}


def _classifier() -> Mapping[str, Measured]:
    from caveat.cli.measure_classifier import measure_megabyte, measure_message

    return {
        "classifier_200_tokens_cpu_ms": Measured(*measure_message()),
        "classifier_megabyte_cpu_s": Measured(*measure_megabyte()),
    }


def _diff() -> Mapping[str, Measured]:
    from caveat.cli.measure_diff import measure_diff

    return {f"diff_{clauses}_s": Measured(*measure_diff(clauses)) for clauses in (25, 50, 200)}


SOURCES = (
    Source(
        (
            "evaluator_cpu_us",
            "cedar_confirm_cpu_us",
            "decisions_per_cpu_s_memo_off",
            "decisions_per_cpu_s_memo_on",
        ),
        _decision,
    ),
    Source(("phrases_chunk_cpu_ms",), _phrases),
    Source(("identifiers_rows_cpu_ms_kb", "identifiers_prose_cpu_ms_kb"), _identifiers),
    Source(("panel_message_cpu_ms",), _panel),
    Source(("redact_chunk_cpu_ms",), _redaction),
    Source(("classifier_200_tokens_cpu_ms", "classifier_megabyte_cpu_s"), _classifier),
    Source(("evidence_new_cpu_us", "evidence_known_cpu_us"), _evidence),
    Source(
        (
            "caller_key_cpu_us",
            "caller_token_new_cpu_us",
            "caller_token_known_cpu_us",
            "caller_certificate_cpu_us",
        ),
        _callers,
    ),
    Source(
        (
            "parts_100kb_rows_cpu_ms",
            "parts_100kb_text_cpu_ms",
            "parts_4kb_chat_cpu_ms",
            "parts_none_registered_cpu_us",
        ),
        _parts,
    ),
    Source(
        (
            "turn_10_cpu_ms",
            "turn_200_cpu_ms",
            "turn_200_to_10",
            "agent_turn_10_cpu_ms",
            "agent_turn_200_cpu_ms",
            "agent_turn_200_to_10",
        ),
        _turns,
    ),
    Source(("monitors_use_cpu_ms", "monitors_memory_mb"), _monitors),
    Source(("monitors_bound_mb", "monitors_agent_ms"), _bounds),
    Source(("durable_records_per_s_128",), _ledger),
    Source(("verify_million_cpu_s", "verify_peak_mb"), _verification),
    Source(
        (
            "gateway_cpu_ms",
            "gateway_rps",
            "gateway_p50_ms",
            "gateway_p99_ms",
            "passthrough_rps",
            "passthrough_cpu_ms",
            "stream_chunk_cpu_ms",
            "idle_rss_mb",
        ),
        _gateway,
    ),
    Source(("prove_25_s", "prove_50_s", "prove_200_s"), _prove),
    Source(("cold_start_s",), _cold_start),
    Source(("coverage_cpu_s",), _coverage),
    Source(("diff_25_s", "diff_50_s", "diff_200_s"), _diff),
)
"""None is run by being listed: `caveat bench --help` costs nothing."""
FULL_SOURCES = tuple(
    replace(source, run=partial(_monitors, full=True)) if source.run is _monitors else source
    for source in SOURCES
)
