"""Traces: from the caller's to the run of the graph, received by a real collector."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving import logs, model
from serving.metrics import Metrics
from serving.spans import Tracer
from tests.serving.otlp import collecting
from tests.serving.scraping import PROMETHEUS, scrape
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    RunApp = Callable[..., AbstractContextManager[TestClient]]

TRACE_ID, CALLER_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
RECORDED, NOT_RECORDED = (f"00-{TRACE_ID}-{CALLER_ID}-{flags}" for flags in ("01", "00"))
SECRET = "wonderful secret-phrase"  # noqa: S105 - a text, not a password
SERVER = 2  # OTLP's SPAN_KIND_SERVER


def test_a_trace_leads_from_the_gateway_to_the_batch(run_app: RunApp, tiny_model: Path) -> None:
    """The caller's trace goes on: the request, its tokens, its wait and its run, which links to the batch and back."""
    with collecting() as collector:
        with run_app(model_dir=tiny_model, slot="candidate", otlp_endpoint=collector.url, trace_sampling=0) as client:
            body = {"inputs": ["good", "good good"]}
            assert client.post("/v1/predict", json=body, headers={"traceparent": RECORDED}).status_code == 200
        [request], [tokenize], [queue], [run], [batch] = (
            collector.named(name) for name in ("POST /v1/predict", "tokenize", "queue", "run", "batch")
        )
    assert (request.trace_id, request.parent_id, request.kind) == (TRACE_ID, CALLER_ID, SERVER)
    for part in (tokenize, queue, run):
        assert (part.trace_id, part.parent_id) == (TRACE_ID, request.span_id)
        assert request.started - 1e6 <= part.started <= part.ended <= request.ended + 1e6
    assert tokenize.ended <= queue.started + 1e5
    assert queue.ended == pytest.approx(run.started, abs=1e5)
    assert (batch.parent_id, batch.links) == ("", [(TRACE_ID, request.span_id)])
    assert run.links == [(batch.trace_id, batch.span_id)]
    assert batch.trace_id != TRACE_ID
    assert batch.attributes == {"inferstack.texts": 2, "inferstack.tokens": 7, "inferstack.padding_tokens": 1}
    assert request.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/v1/predict",
        "inferstack.texts": 2,
        "url.path": "/v1/predict",
        "url.scheme": "http",
    }
    for span in collector.spans:
        resource = {name: span.resource[name] for name in ("service.name", "service.version", "inferstack.slot")}
        assert list(resource.values()) == ["sentiment", "0.1.0", "candidate"]


def test_what_the_gateway_decided_is_kept(run_app: RunApp, tiny_model: Path) -> None:
    """A caller's decision counts, whatever the sampling; without one the sampling decides; probes are never traced."""
    with collecting() as collector:
        for sampling, header, expected in ((100, NOT_RECORDED, 0), (0, None, 0), (100, None, 1)):
            collector.spans.clear()
            with run_app(model_dir=tiny_model, otlp_endpoint=collector.url, trace_sampling=sampling) as client:
                headers = {"traceparent": header} if header else {}
                client.post("/v1/predict", json={"inputs": ["good"]}, headers=headers)
                client.get("/readyz", headers={"traceparent": RECORDED})
                client.get("/metrics")
            assert len(collector.named("POST /v1/predict")) == len(collector.named("batch")) == expected
            assert len(collector.spans) == 5 * expected


def test_a_batch_links_to_all_that_it_served(run_app: RunApp, slow_model: Path) -> None:
    """Requests that ran together are linked to one batch; one that is not recorded is not."""
    settings = {"batch_wait_milliseconds": 1000, "max_batch": 3, "request_timeout_seconds": 60}
    with collecting() as collector:
        with (
            run_app(model_dir=slow_model, otlp_endpoint=collector.url, trace_sampling=0, **settings) as client,
            ThreadPoolExecutor(3) as pool,
        ):
            headers = [RECORDED, RECORDED.replace(TRACE_ID, "f" * 32), NOT_RECORDED]
            futures = [
                pool.submit(client.post, "/v1/predict", json={"inputs": ["good"]}, headers={"traceparent": header})
                for header in headers
            ]
            assert [future.result(60).status_code for future in futures] == [200] * 3
        served = {(span.trace_id, span.span_id) for span in collector.named("POST /v1/predict")}
        batches = collector.named("batch")
    assert {trace_id for trace_id, _ in served} == {TRACE_ID, "f" * 32}
    assert {link for batch in batches for link in batch.links} == served
    assert sum(batch.attributes["inferstack.texts"] for batch in batches) == 3


def test_failures_are_marked_and_no_span_has_a_text(run_app: RunApp, tiny_model: Path) -> None:
    """A refused text is no error of the server; a bug is one; neither path, query, text nor tracestate are in any."""
    with collecting() as collector:
        with run_app(model_dir=tiny_model, otlp_endpoint=collector.url, trace_sampling=100) as client:
            client.post(f"/v1/predict?q={SECRET}", json={"inputs": [SECRET, SECRET + "\u0007"]})
            sent = {"traceparent": RECORDED, "tracestate": f"caller={SECRET.split()[1]}"}
            client.post("/v1/predict", json={"inputs": [SECRET]}, headers=sent)
            client.get(f"/{SECRET}")
            client.request(SECRET.split()[1].upper(), "/v1/predict")
        spans = collector.spans
    assert not [span for span in spans if b"secret-phrase" in span.raw.lower()]
    requests = [span for span in spans if span.kind == SERVER]
    assert [(span.name, span.failed) for span in requests] == [
        ("POST /v1/predict", False),
        ("POST /v1/predict", False),
        ("GET", False),
        ("_OTHER /v1/predict", False),
    ]


def test_a_bug_is_a_failed_span(run_app: RunApp, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails fails its batch and its request, with the kind of error and without its words."""

    def broken(batch: object, least: object) -> None:
        raise ValueError(SECRET, batch, least)

    with collecting() as collector:
        with run_app(model_dir=tiny_model, otlp_endpoint=collector.url, trace_sampling=100) as client:
            monkeypatch.setattr(model, "pad", broken)
            assert client.post("/v1/predict", json={"inputs": ["good"]}).status_code == 500
        [request], [batch] = collector.named("POST /v1/predict"), collector.named("batch")
    assert (request.failed, request.attributes["error.type"]) == (True, "internal")
    assert (batch.failed, batch.attributes["error.type"]) == (True, "ValueError")
    assert not [span for span in collector.spans if b"secret-phrase" in span.raw]


@pytest.fixture(scope="module")
def tracer() -> Generator[Tracer]:
    """Give what traces only requests that come with that decision, to a collector that is not there."""
    made = Tracer(endpoint="http://127.0.0.1:9", sampling=0, resource={}, metrics=Metrics())
    yield made
    made.stop()


@given(
    trace_id=st.integers(1, 2**128 - 1), span_id=st.integers(1, 2**64 - 1), flags=st.integers(0, 255), state=st.binary()
)
def test_any_callers_decision_is_kept(tracer: Tracer, trace_id: int, span_id: int, flags: int, state: bytes) -> None:
    """The trace goes on in each case; it is recorded if the lowest flag says so, whatever else the caller sends."""
    header = f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}".encode()
    begun = tracer.begin({"headers": [(b"traceparent", header), (b"tracestate", state)]})
    assert begun.trace_id == f"{trace_id:032x}"
    assert (begun.trace is not None) is (begun.span_id != f"{span_id:016x}") is bool(flags & 1)


@given(st.binary(), st.binary())
def test_what_is_no_trace_begins_one(tracer: Tracer, parent: bytes, state: bytes) -> None:
    """A header that says nothing is passed over: the request is served, in a trace of its own."""
    begun = tracer.begin({"headers": [(b"traceparent", parent), (b"tracestate", state)]})
    assert (len(begun.trace_id), begun.trace) == (32, None)


def test_a_late_answer_shows_where_the_time_went(run_app: RunApp, slow_model: Path) -> None:
    """A request that got no answer in time has a failed span whose wait lasts to its end."""
    with collecting() as collector:
        limits = {"request_timeout_seconds": 0.1, "max_inputs": 8}
        with run_app(model_dir=slow_model, otlp_endpoint=collector.url, trace_sampling=100, **limits) as client:
            assert client.post("/v1/predict", json={"inputs": ["good"] * 8}).status_code == 504
            batcher = cast("FastAPI", client.app).state.parts.runtime.loaded.batcher
        # A process that ends while the graph runs is aborted.
        eventually(lambda: not batcher.alive)
        [request] = collector.named("POST /v1/predict")
        [queue] = collector.named("queue")
    assert (request.failed, request.attributes["error.type"]) == (True, "timeout")
    assert queue.ended == pytest.approx(request.ended, abs=1e6)


def test_latency_has_exemplars_and_logs_have_the_trace(
    run_app: RunApp, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a slow bucket, and from a log line, the trace can be found; one that is not recorded is no exemplar."""
    logs.configure("info")
    other = RECORDED.replace(TRACE_ID, "f" * 32)
    with collecting() as collector:
        with run_app(model_dir=tiny_model, otlp_endpoint=collector.url, trace_sampling=0) as client:
            for header in (RECORDED, other.removesuffix("01") + "00"):
                client.post("/v1/predict", json={"inputs": ["good"]}, headers={"traceparent": header})
            samples = scrape(client, PROMETHEUS)
        [request] = collector.named("POST /v1/predict")
    exemplars = [(sample.name, sample.labels["path"], sample.exemplar.labels) for sample in samples if sample.exemplar]
    assert exemplars == [("http_request_duration_seconds_bucket", "/v1/predict", {"trace_id": TRACE_ID})]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ids = [(line["trace_id"], len(line["span_id"])) for line in lines if line["event"] == "request"]
    assert ids == [(TRACE_ID, 16), ("f" * 32, 16)]
    assert request.span_id in {line.get("span_id") for line in lines}
