"""What Prometheus reads: one registry for each process, names in one place."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Callable

disable_created_metrics()  # one more series for each counter, which no rule reads

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128)
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
            ["path"],
            buckets=SECONDS,
            registry=registry,
        )
        self.active = Gauge("http_requests_active", "Requests that are being answered.", registry=registry)
        self.errors = Counter("request_errors", "Requests that failed, by error type.", ["type"], registry=registry)
        self.model_seconds = Histogram(
            "model_latency_seconds", "Time of one run of the graph.", buckets=SECONDS, registry=registry
        )
        self.batch_size = Histogram("batch_size_texts", "Texts in one run.", buckets=TEXTS, registry=registry)
        self.queue = Gauge("batch_queue_texts", "Texts that wait for a run.", registry=registry)
        self.tokens = Counter("tokens", "Tokens that were run, without padding.", registry=registry)
        self.padding = Counter("padding_tokens", "Tokens of padding that were run.", registry=registry)
        self.tokens_per_second = Gauge(
            "tokens_per_second", "Tokens that were run in the last minute, for each of its seconds.", registry=registry
        )
        self.model = Info("model", "The model that answers and how it runs.", registry=registry)
        self.ready = Gauge("service_ready", "1 when the readiness probe would pass.", registry=registry)
        self._rate = RateWindow(_RATE_WINDOW_SECONDS, clock=time.monotonic)
        self.tokens_per_second.set_function(self._rate.per_second)

    def observe_batch(self, *, texts: int, tokens: int, padded_tokens: int, seconds: float) -> None:
        """Take note of one run of the graph."""
        self.model_seconds.observe(seconds)
        self.batch_size.observe(texts)
        self.tokens.inc(tokens)
        self.padding.inc(padded_tokens - tokens)
        self._rate.add(tokens)


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
