"""A collector of traces in this process: real OTLP over gRPC, kept in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Received:
    """One span as the collector got it; times in nanoseconds, identities in hexadecimal digits."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    started: int
    ended: int
    failed: bool
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    resource: dict[str, Any]
    raw: bytes


@dataclass
class Collector:
    """What has been received."""

    url: str
    spans: list[Received] = field(default_factory=list[Received])

    def named(self, name: str) -> list[Received]:
        """All spans of a name."""
        return [span for span in self.spans if span.name == name]

    def wait(self, name: str, count: int = 1) -> list[Received]:
        """All spans of a name, once there are so many."""
        eventually(lambda: len(self.named(name)) >= count)
        return self.named(name)


@contextmanager
def collecting(port: int = 0, *, answer: Callable[[], object] = lambda: None) -> Generator[Collector]:
    """Run a collector.

    Args:
        port: 0 for any.
        answer: called before each answer; it may block.
    """
    collector = Collector(url="")

    class Service(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: ANN401, ARG002, N802  # the name in the protocol
            answer()
            collector.spans.extend(_spans(request))
            return cast("Any", trace_service_pb2).ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), server)  # pyright: ignore[reportUnknownMemberType]
    found = server.add_insecure_port(f"{HOST}:{port}")
    collector.url = f"http://{HOST}:{found}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(None).wait(5)


def _spans(request: Any) -> list[Received]:  # noqa: ANN401
    return [
        Received(
            name=span.name,
            kind=span.kind,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            started=span.start_time_unix_nano,
            ended=span.end_time_unix_nano,
            failed=span.status.code == span.status.STATUS_CODE_ERROR,
            attributes=_values(span.attributes),
            links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
            resource=_values(group.resource.attributes),
            raw=span.SerializeToString(),
        )
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def _values(pairs: Any) -> dict[str, Any]:  # noqa: ANN401
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
