"""Traces: W3C trace context from hop to hop, and OpenTelemetry export. Off unless a setting names where they go."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.trace import Span

HEADER: Final = "traceparent"


class TracingError(Exception):
    """Traces are asked for, and the extra that makes them is not installed."""


class Tracing:
    """Makes spans of one service and exports them in the background, batch by batch."""

    def __init__(self, endpoint: str, service: str, replica: str) -> None:
        """`endpoint` takes OTLP over HTTP, for example http://collector:4318/v1/traces.

        Raises TracingError where the extra `tracing` is not installed.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
            from opentelemetry.trace import set_span_in_context  # noqa: PLC0415
            from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
                TraceContextTextMapPropagator,
            )
        except ImportError as error:
            raise TracingError(
                "DAYTRADER_OTLP_ENDPOINT asks for traces, which need the extra: pip install 'daytrader[tracing]'"
            ) from error
        resource = Resource.create({"service.name": f"daytrader-{service}", "service.instance.id": replica})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer("daytrader")
        self._propagator = TraceContextTextMapPropagator()
        self._in_context = set_span_in_context

    def start(self, name: str, parent: str, attributes: Mapping[str, str | int]) -> "Span":
        """Return a started span below `parent` (a W3C traceparent; empty or malformed: a trace of its own)."""
        context = self._propagator.extract({HEADER: parent}) if parent else None
        return self._tracer.start_span(name, context=context, attributes=dict(attributes))

    def traceparent(self, span: "Span") -> str:
        """Return what tells the next hop that it works for `span`."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, context=self._in_context(span))
        return carrier.get(HEADER, "")

    def close(self) -> None:
        """Export what is left."""
        self._provider.shutdown()


def tracing_of(endpoint: str, service: str, replica: str) -> Tracing | None:
    """Return what makes spans, None where no endpoint is set: then nothing is imported and nothing costs anything."""
    return Tracing(endpoint, service, replica) if endpoint else None
