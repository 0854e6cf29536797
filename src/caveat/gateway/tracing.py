"""Traces of uses in the GenAI semantic conventions of OpenTelemetry. Off unless the operator asks for them.

Guarantees: a span holds names, ids, codes, counts and times, never content; where tracing is off nothing is
imported and nothing measured; a trace that cannot be exported holds nothing back. Source: the semantic
conventions for generative AI spans; attributes of our own begin with `caveat.`.
"""

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from caveat.gateway.ruling import Ruling
from caveat.gateway.usage import Usage
from caveat.gateway.wire.protocol import Wire

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "azure": "azure.ai.openai"}


class Trace(Protocol):
    """What an exchange tells of itself as it goes."""

    def headers(self) -> Mapping[str, str]:
        """What goes to the upstream so that its own spans hang below this one."""
        ...

    def ruled(self, ruling: Ruling) -> None:
        """A decision is durable."""
        ...

    def answered(self, upstream: str, status: int) -> None:
        """An upstream has answered."""
        ...

    def used(self, usage: Usage) -> None:
        """So many tokens."""
        ...

    def end(self, code: str | None = None) -> None:
        """It is over; `code` of the error that ended it."""
        ...


class Tracing(Protocol):
    """Begins traces. One per process."""

    @property
    def on(self) -> bool:
        """Whether anybody looks at what is told."""
        ...

    def begin(self, wire: Wire, model: str, deployment: str, headers: Mapping[str, str]) -> Trace:
        """The trace of one use, below the caller's own where `traceparent` names it."""
        ...

    def close(self) -> None:
        """Exports what is left; blocks."""
        ...


class NoTrace:
    """Where tracing is off: one object for everything, which does nothing."""

    on = False

    def begin(self, wire: Wire, model: str, deployment: str, headers: Mapping[str, str]) -> Trace:  # noqa: ARG002 - nothing is told
        """Itself."""
        return self

    def headers(self) -> Mapping[str, str]:
        """None."""
        return {}

    def ruled(self, ruling: Ruling) -> None:
        """Nothing."""

    def answered(self, upstream: str, status: int) -> None:
        """Nothing."""

    def used(self, usage: Usage) -> None:
        """Nothing."""

    def end(self, code: str | None = None) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


NO_TRACE = NoTrace()


class OtelTrace:
    """One span, `chat MODEL`."""

    def __init__(self, span: "Span") -> None:
        """Owns the span."""
        self._span = span

    def headers(self) -> Mapping[str, str]:
        """The span as W3C trace context."""
        from opentelemetry.trace import set_span_in_context  # an extra, imported where tracing is on
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, set_span_in_context(self._span))
        return carrier

    def ruled(self, ruling: Ruling) -> None:
        """Verdict and record; those of the output stand beside those of the prompt."""
        point = ruling.use.call.point.value
        record = "caveat.record" if point == "prompt" else f"caveat.{point}_record"
        self._span.set_attribute(record, ruling.record_id)
        self._span.set_attribute("caveat.verdict", ruling.decision.verdict.value)
        self._span.set_attribute("caveat.reason", ruling.decision.reason.value)
        self._span.set_attribute("caveat.clauses", ruling.decision.clauses)

    def answered(self, upstream: str, status: int) -> None:
        """Who answered, and with which status."""
        if upstream:
            self._span.set_attribute("caveat.upstream", upstream)
        self._span.set_attribute("http.response.status_code", status)

    def used(self, usage: Usage) -> None:
        """As the endpoint said; an estimate is none of its words."""
        if not usage.estimated:
            self._span.set_attribute("gen_ai.usage.input_tokens", usage.read)
            self._span.set_attribute("gen_ai.usage.output_tokens", usage.written)

    def end(self, code: str | None = None) -> None:
        """Ends the span, as an error where there was one. A refusal is none."""
        from opentelemetry.trace import Status, StatusCode  # an extra, imported where tracing is on

        if code is not None:
            self._span.set_attribute("error.type", code)
            self._span.set_status(Status(StatusCode.ERROR, code))
        self._span.end()


class OtelTracing:
    """Spans to whatever the provider exports to."""

    on = True

    def __init__(self, provider: "TracerProvider") -> None:
        """Takes over the provider; `close` shuts it down."""
        self._provider = provider
        self._tracer: Tracer = provider.get_tracer("caveat")

    def begin(self, wire: Wire, model: str, deployment: str, headers: Mapping[str, str]) -> Trace:
        """A span of the kind `server`: for the caller, the gateway is the model's endpoint."""
        from opentelemetry.trace import SpanKind  # an extra, imported where tracing is on
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        operation = wire.OPERATION or "count_tokens"
        span = self._tracer.start_span(
            f"{operation} {model}",
            context=TraceContextTextMapPropagator().extract(headers),
            kind=SpanKind.SERVER,
            attributes={
                "gen_ai.operation.name": operation,
                "gen_ai.provider.name": _PROVIDERS[wire.NAME],
                "gen_ai.request.model": model,
                "caveat.deployment": deployment,
            },
        )
        return OtelTrace(span)

    def close(self) -> None:
        """Exports what is left."""
        self._provider.shutdown()


def wants_tracing(environment: Mapping[str, str]) -> bool:
    """Whether the environment asks for traces, in OpenTelemetry's own variables."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter:
        return exporter == "otlp"
    return any(
        environment.get(name)
        for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    )


def has_tracing() -> bool:
    """Whether the extra is installed."""
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.grpc") is not None
    except ModuleNotFoundError:
        return False


def open_tracing(environment: Mapping[str, str]) -> Tracing:
    """Spans over OTLP and gRPC, as OpenTelemetry's variables say; needs the extra `otel`."""
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = "OTEL_SERVICE_NAME" in environment
    resource = Resource.create({} if named else {"service.name": "caveat"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OtelTracing(provider)
