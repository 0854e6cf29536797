"""Traces: one span a use in the GenAI conventions, with verdict and record, and never a word of content."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from caveat.gateway.tracing import NO_TRACE, OtelTracing, has_tracing, open_tracing, wants_tracing
from tests.support.raw_client import asking, chat, message, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import TEXT, Reply, ScriptedUpstream
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, rows

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "a secret word"


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
def module_traced(
    module_upstream: ScriptedUpstream,
    tmp_path_factory: pytest.TempPathFactory,
    exporter: InMemorySpanExporter,
) -> Iterator[RunningGateway]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    folder = tmp_path_factory.mktemp("traced")
    with running_gateway(folder, module_upstream.url, tracing=OtelTracing(provider)) as running:
        yield running


@pytest.fixture
def traced(
    module_traced: RunningGateway, upstream: ScriptedUpstream, exporter: InMemorySpanExporter
) -> RunningGateway:
    assert upstream.seen == []
    exporter.clear()
    return module_traced


def only(spans: Sequence[ReadableSpan]) -> tuple[ReadableSpan, dict[str, Any]]:
    (span,) = spans
    text = span.to_json()
    assert SECRET not in text
    assert TEXT not in text
    assert CHAT_KEY not in text
    return span, dict(span.attributes or {})


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("sender", "provider"), [(chat, "openai"), (message, "anthropic")])
def test_an_allowed_use_is_one_span_with_its_verdict_and_records(
    traced: RunningGateway, exporter: InMemorySpanExporter, sender: Any, provider: str, stream: bool
) -> None:
    answer = sender(traced.url, CHAT_KEY, asking(SECRET, stream=stream))
    assert answer.status == 200
    span, attributes = only(exporter.get_finished_spans())
    assert (span.name, span.kind, span.status.status_code) == (
        "chat scripted",
        SpanKind.SERVER,
        StatusCode.UNSET,
    )
    usage = {name: attributes.pop(name) for name in list(attributes) if name.startswith("gen_ai.usage.")}
    said = {"gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 5}
    assert usage == ({} if stream and provider == "openai" else said)
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": "scripted",
        "caveat.deployment": "chat",
        "caveat.verdict": "allow",
        "caveat.reason": attributes["caveat.reason"],
        "caveat.clauses": attributes["caveat.clauses"],
        "caveat.record": answer.headers["x-caveat-record"],
        "caveat.output_record": answer.headers["x-caveat-output-record"],
        "http.response.status_code": 200,
    }


def test_a_refusal_is_no_error_and_has_no_output(
    traced: RunningGateway, exporter: InMemorySpanExporter
) -> None:
    refused = chat(traced.url, DESK_KEY, asking(rows(9, SECRET)))
    span, attributes = only(exporter.get_finished_spans())
    assert (attributes["caveat.verdict"], attributes["caveat.record"]) == (
        "needs_evidence",
        refused.headers["x-caveat-record"],
    )
    assert span.status.status_code is StatusCode.UNSET
    assert "caveat.output_record" not in attributes
    assert "http.response.status_code" not in attributes


def test_a_fault_is_an_error_with_its_code(
    traced: RunningGateway, exporter: InMemorySpanExporter, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda _seen: Reply(body=SECRET.encode())
    assert chat(traced.url, CHAT_KEY, asking(SECRET)).status == 502
    span, attributes = only(exporter.get_finished_spans())
    assert attributes["error.type"] == "upstream_invalid"
    assert span.status.status_code is StatusCode.ERROR


def test_the_span_hangs_below_the_callers_and_above_the_upstreams(
    traced: RunningGateway, exporter: InMemorySpanExporter, upstream: ScriptedUpstream
) -> None:
    chat(traced.url, CHAT_KEY, asking(SECRET), {"traceparent": CALLER})
    span, _ = only(exporter.get_finished_spans())
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" in CALLER
    assert upstream.seen[-1].headers["traceparent"].split("-")[1:3] == [
        CALLER.split("-")[1],
        f"{span.context.span_id:016x}",
    ]


def test_other_uses_have_their_own_operation(traced: RunningGateway, exporter: InMemorySpanExporter) -> None:
    body = json.dumps(
        {"input": SECRET, "messages": [{"role": "user", "content": SECRET}], "model": "m"}
    ).encode()
    for path in ("/openai/deployments/gpt/embeddings", "/v1/messages/count_tokens"):
        assert send(traced.url, path, body, {"api-key": CHAT_KEY}).status == 200
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["embeddings gpt", "count_tokens m"]
    names = [(dict(span.attributes or {})["gen_ai.provider.name"]) for span in spans]
    assert names == ["azure.ai.openai", "anthropic"]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False),
    ],
)
def test_opentelemetrys_own_variables_turn_it_on(environment: dict[str, str], wanted: bool) -> None:
    assert wants_tracing(environment) is wanted


def test_the_exporter_speaks_otlp_and_nothing_else_is_on() -> None:
    assert has_tracing()
    assert not NO_TRACE.on
    tracing = open_tracing({})
    assert tracing.on
    tracing.close()
