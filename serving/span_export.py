"""How spans leave the process: in the background, from a queue with an end, to a collector that may be away."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import structlog
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from prometheus_client import Counter

_QUEUE_SPANS = 2048
_BATCH_SPANS = 512
_EVERY_MILLISECONDS = 1000
# Of one batch, its second try included.
_SEND_SECONDS = 2.0
_FLUSH_SECONDS = 2.0

_log = structlog.stdlib.get_logger("serving.traces")
# It would repeat on each batch what is said once here.
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)


class SpanExport(BatchSpanProcessor):
    """The SDK's queue and thread, with a count of what is given up and an end that comes in time."""

    def __init__(self, *, endpoint: str, sent: Counter, dropped: Counter) -> None:
        """Begin to send.

        Args:
            endpoint: URL of the collector, which need not be there.
            sent: counts the spans that it took.
            dropped: counts those that were given up.
        """
        self._collector = _Collector(endpoint, sent=sent, dropped=dropped)
        self._dropped = dropped
        self._queued = 0
        self._counting = threading.Lock()
        super().__init__(
            self._collector,
            max_queue_size=_QUEUE_SPANS,
            max_export_batch_size=_BATCH_SPANS,
            schedule_delay_millis=_EVERY_MILLISECONDS,
        )

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span, or drop it when too many wait."""
        with self._counting:
            full = self._queued - self._collector.taken >= _QUEUE_SPANS
            self._queued += not full
        if full:
            self._dropped.inc()
        else:
            super().on_end(span)

    def stop(self) -> None:
        """Send what waits, for two seconds at most, and give up the rest."""
        # The SDK's own shutdown waits for half a minute if it must.
        thread = threading.Thread(target=self.shutdown, name="last spans", daemon=True)
        thread.start()
        thread.join(_FLUSH_SECONDS)
        if thread.is_alive():
            self._collector.shutdown()  # what is being sent ends now, and what is left is refused
            thread.join(_FLUSH_SECONDS)


class _Collector(SpanExporter):
    """Sends over OTLP, and says once that the collector is away and once that it is there again."""

    def __init__(self, endpoint: str, *, sent: Counter, dropped: Counter) -> None:
        self.taken = 0  # from the queue; only the thread that sends writes it
        self._endpoint = endpoint
        self._sent = sent
        self._dropped = dropped
        self._lost = 0  # since the collector went away
        self._otlp = OTLPSpanExporter(endpoint=endpoint, timeout=_SEND_SECONDS)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        result = self._otlp.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._sent.inc(len(spans))
            if self._lost:
                _log.info("collector of traces is there again", endpoint=self._endpoint, spans_lost=self._lost)
            self._lost = 0
        else:
            self._dropped.inc(len(spans))
            if not self._lost:
                _log.warning("traces are lost: their collector does not take them", endpoint=self._endpoint)
            self._lost += len(spans)
        return result

    def shutdown(self) -> None:
        self._otlp.shutdown()  # pyright: ignore[reportUnknownMemberType]  # arguments that it ignores have no types
