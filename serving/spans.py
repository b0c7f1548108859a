"""Traces: a span for each request that is recorded, its parts, and one for each run of the graph.

Only a process with a collector imports this: see ``Runtime``. A request notes readings of the clock as it goes; its
spans are made when it has been answered. No span ever holds a text or a path that a client made up.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    StatusCode,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from serving.span_export import SpanExport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.trace import SpanContext
    from opentelemetry.trace import Tracer as OtelTracer
    from opentelemetry.util.types import AttributeValue
    from starlette.types import Scope

    from serving.batching import Run
    from serving.metrics import Metrics

# Not tracestate beside it: that is text of its sender's, which every span would carry on.
_PARENT = b"traceparent"
# Most requests: their caller has decided that nobody will look. Source: https://www.w3.org/TR/trace-context/
_NOT_RECORDED = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f][02468ace]")
_SERVER_ERRORS = 500
_propagator = TraceContextTextMapPropagator()


class Begun(NamedTuple):
    """What is known of a request's trace when it begins.

    Attributes:
        trace_id: 32 hexadecimal digits, for the logs.
        span_id: 16 hexadecimal digits: of the request's span, or of its caller's where it has none.
        trace: what takes notes, if the request is recorded.
    """

    trace_id: str
    span_id: str
    trace: RequestTrace | None


class Tracer:
    """Makes the spans of one process."""

    def __init__(self, *, endpoint: str, sampling: float, resource: Mapping[str, str], metrics: Metrics) -> None:
        """Begin to trace.

        Args:
            endpoint: URL of the collector.
            sampling: share of the requests that are recorded, of those that come without a decision.
            resource: what all spans say of the process.
            metrics: counts what is sent and what is lost.
        """
        self._export = SpanExport(endpoint=endpoint, sent=metrics.spans_sent, dropped=metrics.spans_dropped)
        described = Resource.create(dict(resource))
        self._requests = self._tracer(ParentBased(TraceIdRatioBased(sampling)), described)
        # Of a run there is a span if one of its requests is recorded, so nothing is left to decide.
        self._runs = self._tracer(ALWAYS_ON, described)

    def _tracer(self, sampler: Sampler, resource: Resource) -> OtelTracer:
        provider = TracerProvider(
            sampler=sampler, resource=resource, shutdown_on_exit=False, span_limits=SpanLimits(max_links=1024)
        )
        provider.add_span_processor(self._export)
        return provider.get_tracer("serving")

    def begin(self, scope: Scope) -> Begun:
        """Begin the span of a request: a part of its caller's trace, and recorded as the caller decided."""
        header: bytes = dict(scope["headers"]).get(_PARENT, b"")
        if found := _NOT_RECORDED.fullmatch(header):
            return Begun(found[1].decode(), found[2].decode(), None)
        carrier = {_PARENT.decode(): header.decode("latin-1")}
        parent = _propagator.extract(carrier, Context()) if header else Context()
        span = self._requests.start_span("request", parent, kind=SpanKind.SERVER)
        context = span.get_span_context()
        trace = RequestTrace(self._requests, span) if span.is_recording() else None
        return Begun(format_trace_id(context.trace_id), format_span_id(context.span_id), trace)

    def observe_run(self, run: Run) -> None:
        """Make the span of a run of the graph, linked to the requests that it served, if one of them is recorded."""
        if not run.traces:
            return
        offset = _offset()
        span = self._runs.start_span(
            "batch",
            Context(),
            attributes={
                "inferstack.texts": run.texts,
                "inferstack.tokens": run.tokens,
                "inferstack.padding_tokens": run.padded_tokens - run.tokens,
            },
            links=[Link(trace.context) for trace in run.traces],
            start_time=_nanoseconds(run.started + offset),
        )
        if run.error_type is not None:
            span.set_attribute("error.type", run.error_type)
            span.set_status(StatusCode.ERROR)
        span.end(_nanoseconds(run.ended + offset))
        for trace in run.traces:
            trace.ran(run, span.get_span_context())

    def stop(self) -> None:
        """Send what waits, for two seconds at most."""
        self._export.stop()


class RequestTrace:
    """Notes of one request that is recorded.

    Attributes:
        context: of its span.
    """

    def __init__(self, tracer: OtelTracer, span: Span) -> None:
        self.context: SpanContext = span.get_span_context()
        self._tracer = tracer
        self._span = span
        self._inside = set_span_in_context(span, Context())
        self._offset = _offset()
        self._tokenizing: tuple[float, float, int] | None = None
        self._queued: float | None = None
        self._runs: list[tuple[Run, SpanContext]] = []

    def tokenized(self, started: float, *, tokens: int) -> None:
        """Note that the tokens are there.

        Args:
            started: when they were begun, a reading of ``time.monotonic``.
            tokens: of all texts.
        """
        self._tokenizing = (started, time.monotonic(), tokens)

    def queued(self, at: float) -> None:
        """Note when the texts came into the queue, a reading of ``time.monotonic``."""
        self._queued = at

    def ran(self, run: Run, span: SpanContext) -> None:
        """Note a run that had texts of this request; called by the thread that runs the graph."""
        self._runs.append((run, span))

    def end(self, *, method: str, route: str | None, status: int, noted: Mapping[str, Any]) -> None:
        """Make the spans of the parts and end that of the request.

        Args:
            method: of the request.
            route: template of its path; None where there is nothing.
            status: of the answer; 0 when the client left before it.
            noted: ``error_type`` and ``texts``, as far as they are known.
        """
        ended = time.monotonic()
        self._parts(ended)
        span = self._span
        span.update_name(method if route is None else f"{method} {route}")
        attributes: dict[str, AttributeValue] = {"http.request.method": method, "url.scheme": "http"}
        if route is not None:
            attributes |= {"http.route": route, "url.path": route}
        if status:
            attributes["http.response.status_code"] = status
        if "texts" in noted:
            attributes["inferstack.texts"] = noted["texts"]
        if status == 0 or status >= _SERVER_ERRORS:
            attributes["error.type"] = noted.get("error_type", "client left")
            span.set_status(StatusCode.ERROR)
        span.set_attributes(attributes)
        span.end(_nanoseconds(ended + self._offset))

    def _parts(self, ended: float) -> None:
        if self._tokenizing is not None:
            started, done, tokens = self._tokenizing
            self._part("tokenize", started, done, {"inferstack.tokens": tokens})
        if self._queued is not None:
            # One that was given up in the queue has waited until the end.
            self._part("queue", self._queued, self._runs[0][0].started if self._runs else ended)
        for run, context in self._runs:
            self._part("run", run.started, run.ended, {"inferstack.texts": run.texts}, [Link(context)])

    def _part(
        self,
        name: str,
        started: float,
        ended: float,
        attributes: Mapping[str, AttributeValue] | None = None,
        links: Sequence[Link] = (),
    ) -> None:
        span = self._tracer.start_span(
            name,
            self._inside,
            attributes=attributes,
            links=links,
            start_time=_nanoseconds(started + self._offset),
        )
        span.end(_nanoseconds(ended + self._offset))


def _offset() -> float:
    """What makes a reading of the monotonic clock a time of day."""
    return time.time() - time.monotonic()


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
