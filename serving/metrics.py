"""What Prometheus reads: one registry for each process, names in one place."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from serving.user_metrics import UserMetrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.batching import Run

disable_created_metrics()  # one more series for each counter, which no rule reads

_R10: Final = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
# From 1 ms to 10 s in the steps of ISO 3's series R10. The objectives of services are bounds of this list, so whoever
# changes it changes infra/latency_buckets.py too; a test holds the two equal.
LATENCY_SECONDS: Final = (*(round(step * 10.0**power, 6) for power in range(-3, 1) for step in _R10), 10.0)
TEXTS: Final = (1, 2, 4, 8, 16, 32, 64, 128)
_RATE_WINDOW_SECONDS = 60.0


class Metrics:
    """The metrics of one process. Version and slot are in ``model_info``, to be joined to the others."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            registry.register(collector)
        self.requests = Counter("http_requests", "Requests answered.", ["method", "path", "status"], registry=registry)
        self.request_seconds = Histogram(
            "http_request_duration_seconds",
            "Time from the first byte of a request to the end of its answer.",
            ["path", "code"],
            buckets=LATENCY_SECONDS,
            registry=registry,
        )
        self.active = Gauge("http_requests_active", "Requests that are being answered.", registry=registry)
        self.errors = Counter("request_errors", "Requests that failed, by error type.", ["type"], registry=registry)
        self.model_seconds = Histogram(
            "model_latency_seconds", "Time of one run of the graph.", buckets=LATENCY_SECONDS, registry=registry
        )
        self.batch_size = Histogram("batch_size_texts", "Texts in one run.", buckets=TEXTS, registry=registry)
        self.queue = Gauge("batch_queue_texts", "Texts that wait for a run.", registry=registry)
        self.queue_limit = Gauge(
            "batch_queue_limit_texts", "Texts that may wait; more are answered by 503.", registry=registry
        )
        self.queue_seconds = Histogram(
            "batch_queue_seconds", "Time that a text waited for its run.", buckets=LATENCY_SECONDS, registry=registry
        )
        self.tokens = Counter("tokens", "Tokens that were run, without padding.", registry=registry)
        self.padding = Counter("padding_tokens", "Tokens of padding that were run.", registry=registry)
        self.tokens_per_second = Gauge(
            "tokens_per_second", "Tokens that were run in the last minute, for each of its seconds.", registry=registry
        )
        self.model = Info("model", "The model that answers and how it runs.", registry=registry)
        self.fallback = Gauge(
            "provider_fallback",
            "1 when not all of the graph runs on the provider that was promised.",
            registry=registry,
        )
        self.engine_misses = Counter(
            "engine_cache_misses", "Loads that found no engine that fits in the cache.", registry=registry
        )
        self.spans_sent = Counter("trace_spans_sent", "Spans that the collector took.", registry=registry)
        self.spans_dropped = Counter(
            "trace_spans_dropped", "Spans that were given up: no collector, or too many waited.", registry=registry
        )
        self.flag_problems = Gauge(
            "feature_flag_problems", "Things in the file of feature flags that cannot be used.", registry=registry
        )
        self.ready = Gauge("service_ready", "1 when the readiness probe would pass.", registry=registry)
        self.users = UserMetrics()
        self._rate = RateWindow(_RATE_WINDOW_SECONDS, clock=time.monotonic)
        self.tokens_per_second.set_function(self._rate.per_second)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All series, and their media type.

        Args:
            accept: which formats the reader takes: OpenMetrics, which has exemplars, or Prometheus' text format.
        """
        encode, media_type = choose_encoder(accept)
        text = encode(self.registry)
        end = b"# EOF\n" if text.endswith(b"# EOF\n") else b""
        users = self.users.exposition(openmetrics=bool(end)).encode()
        return text.removesuffix(end) + users + end, media_type

    def observe_latency(self, path: str, status: int, seconds: float, *, trace_id: str | None) -> None:
        """Take note of how long a request took.

        Args:
            path: of the route, or ``other``.
            status: of the answer; 0 when the client left before it.
            seconds: from its first byte to the end of the answer.
            trace_id: of its trace, if it is recorded: an exemplar.
        """
        exemplar = None if trace_id is None else {"trace_id": trace_id}
        self.request_seconds.labels(path, f"{status // 100}xx" if status else "none").observe(seconds, exemplar)

    def observe_run(self, run: Run) -> None:
        """Take note of one run of the graph; one that failed has computed nothing."""
        for waited in run.waited:
            self.queue_seconds.observe(waited)
        if run.error_type is not None:
            return
        self.model_seconds.observe(run.ended - run.started)
        self.batch_size.observe(run.texts)
        self.tokens.inc(run.tokens)
        self.padding.inc(run.padded_tokens - run.tokens)
        self._rate.add(run.tokens)


class RateWindow:
    """A mean rate over the last seconds. One thread adds, any thread reads."""

    def __init__(self, seconds: float, *, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._events: deque[tuple[float, int]] = deque()

    def add(self, amount: int) -> None:
        """Count an amount now."""
        now = self._clock()
        self._events.append((now, amount))
        while self._events[0][0] < now - self._seconds:
            self._events.popleft()

    def per_second(self) -> float:
        """Return the sum of the amounts within the window, divided by its seconds."""
        since = self._clock() - self._seconds
        return sum(amount for at, amount in tuple(self._events) if at >= since) / self._seconds
