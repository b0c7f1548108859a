"""A collector that is away, slow or comes back: it costs no request anything, and what is lost is counted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx
from prometheus_client.parser import text_string_to_metric_families

from serving import logs
from serving.metrics import Metrics
from serving.spans import Tracer
from tests.serving.otlp import HOST, collecting
from tests.serving.test_process import free_port, serving
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

BODY = {"inputs": ["good"]}
LAST = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def tracer(url: str, metrics: Metrics) -> Tracer:
    """Record every request."""
    return Tracer(endpoint=url, sampling=1.0, resource={"service.name": "sentiment"}, metrics=metrics)


def answer(made: Tracer, times: int) -> None:
    """Make the span of so many requests."""
    for _ in range(times):
        trace = made.begin({"headers": []}).trace
        assert trace is not None
        trace.end(method="GET", route="/", status=200, noted={})


def count(metrics: Metrics, outcome: str) -> float:
    """Read one of the two counters of spans."""
    value = metrics.registry.get_sample_value(f"trace_spans_{outcome}_total")
    assert value is not None
    return value


def test_a_collector_that_comes_late(tiny_model: Path, tmp_path: Path) -> None:
    """While it is away requests are answered, the loss is counted and one line says so; one more when it is there.

    After SIGTERM what waits is sent. All that the process prints is JSON.
    """
    port = free_port()
    with serving(
        model=tiny_model,
        output=tmp_path / "log",
        drain_seconds=0,
        otlp_endpoint=f"http://{HOST}:{port}",
        trace_sampling=100,
    ) as server:

        def spans(outcome: str) -> float:
            assert httpx.post(server.url + "/v1/predict", json=BODY).status_code == 200
            families = text_string_to_metric_families(httpx.get(server.url + "/metrics").text)
            samples = [sample for family in families for sample in family.samples]
            return next(sample.value for sample in samples if sample.name == f"trace_spans_{outcome}_total")

        eventually(lambda: spans("dropped") > 20)
        with collecting(port) as collector:
            eventually(lambda: spans("sent") > 0)
            assert httpx.post(server.url + "/v1/predict", json=BODY, headers={"traceparent": LAST}).status_code == 200
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(20) == 0
            assert {span.name for span in collector.spans if span.trace_id in LAST} >= {"POST /v1/predict", "run"}
        lines = [line for line in server.lines() if "collector" in line["event"]]
    assert [(line["level"], line["endpoint"]) for line in lines] == [
        ("warning", f"http://{HOST}:{port}"),
        ("info", f"http://{HOST}:{port}"),
    ]
    assert lines[1]["spans_lost"] > 20


def test_a_collector_that_never_answers_holds_up_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    """The queue has an end, every span is either sent or counted as dropped, and stopping takes seconds."""
    logs.configure("info")
    released = threading.Event()
    metrics = Metrics()
    with collecting(answer=lambda: released.wait(30)) as collector:
        made = tracer(collector.url, metrics)
        started = time.monotonic()
        answer(made, 5000)
        assert time.monotonic() - started < 2
        assert count(metrics, "dropped") >= 5000 - 2048 - 2 * 512
        made.stop()
        assert time.monotonic() - started < 8
        released.set()
    assert count(metrics, "dropped") == 5000
    said = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert len(said) == 1


def test_all_is_sent_to_a_collector_that_answers() -> None:
    """What is made before the end has arrived after it."""
    metrics = Metrics()
    with collecting() as collector:
        made = tracer(collector.url, metrics)
        answer(made, 1500)
        made.stop()
        assert len(collector.named("GET /")) == 1500
    assert (count(metrics, "sent"), count(metrics, "dropped")) == (1500, 0)


def test_without_a_collector_nothing_of_it_is_imported() -> None:
    """A process that traces nothing pays nothing: neither the SDK nor gRPC is loaded."""
    code = "import sys, serving.app; print([name for name in ('grpc', 'opentelemetry.sdk') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
