"""What a scraper is given: formats, buckets, and the facts that alerts are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.latency_buckets import LATENCY_SECONDS
from serving.metrics import Metrics
from tests.serving.scraping import PROMETHEUS, scrape

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fastapi.testclient import TestClient
    from prometheus_client.samples import Sample

    RunApp = Callable[..., AbstractContextManager[TestClient]]


def only(samples: list[Sample], name: str, **labels: str) -> float:
    """The value of the one series that has those labels, and perhaps more."""
    [found] = [sample for sample in samples if sample.name == name and labels.items() <= sample.labels.items()]
    return found.value


def test_prometheus_gets_openmetrics(client: TestClient) -> None:
    """Exemplars exist in OpenMetrics alone; who asks for nothing special gets the text that all can read."""
    asked = client.get("/metrics", headers={"accept": PROMETHEUS}).headers["content-type"]
    assert asked.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert client.get("/metrics").headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_both_formats_say_the_same(client: TestClient) -> None:
    """The same series with the same bounds, letter for letter: a rule that names a bound finds it in either."""
    client.post("/v1/predict", json={"inputs": ["good"]})
    scrape(client)  # the first one begins the count of these requests themselves
    text, openmetrics = (
        {(sample.name, frozenset(sample.labels.items())) for sample in scrape(client, accept)}
        for accept in ("", PROMETHEUS)
    )
    assert text == openmetrics


def test_latency_has_the_bounds_of_the_objectives(client: TestClient) -> None:
    """Every bound that an objective may name is a bucket of the requests, of the runs and of the queue."""
    client.post("/v1/predict", json={"inputs": ["good"]})
    found = scrape(client, PROMETHEUS)
    for name in ("http_request_duration_seconds", "model_latency_seconds", "batch_queue_seconds"):
        bounds = {sample.labels["le"] for sample in found if sample.name == f"{name}_bucket"}
        assert bounds == {repr(bound) for bound in LATENCY_SECONDS} | {"+Inf"}, name


def test_latency_tells_good_answers_from_bad(run_app: RunApp, tiny_model: Path, slow_model: Path) -> None:
    """Latency is counted by class of the status, so that quick refusals make no slow service look fast."""
    with run_app(model_dir=tiny_model) as client:
        for inputs in (["good"], ["good"], []):
            client.post("/v1/predict", json={"inputs": inputs})
        found = scrape(client)
    count = "http_request_duration_seconds_count"
    assert only(found, count, path="/v1/predict", code="2xx") == 2
    assert only(found, count, path="/v1/predict", code="4xx") == 1
    with run_app(model_dir=slow_model, request_timeout_seconds=0.05) as client:
        client.post("/v1/predict", json={"inputs": ["good"]})
        assert only(scrape(client), count, path="/v1/predict", code="5xx") == 1


def test_probes_are_counted_and_not_timed(client: TestClient) -> None:
    """What machines ask every second has a count for each status, and no histogram that is read each time."""
    client.get("/readyz")
    found = scrape(client)
    assert only(found, "http_requests_total", path="/readyz", status="200") >= 1
    assert not [each for each in found if each.name.startswith("http_request_dur") and each.labels["path"] == "/readyz"]


def test_one_that_leaves_has_no_code() -> None:
    """A request whose client left before the answer is none of the classes."""
    metrics = Metrics()
    metrics.observe_latency("/v1/predict", 0, 0.1, trace_id=None)
    labels = {"path": "/v1/predict", "code": "none"}
    assert metrics.registry.get_sample_value("http_request_duration_seconds_count", labels) == 1


def test_a_made_up_method_is_no_series(client: TestClient) -> None:
    """A client cannot make series: methods that HTTP does not know are one."""
    for method in ("GOOD", "BAD"):
        client.request(method, "/v1/predict")
    assert only(scrape(client), "http_requests_total", method="_OTHER", path="/v1/predict") == 2


def test_the_queue_says_how_full_it_is(run_app: RunApp, tiny_model: Path) -> None:
    """Its limit is a series, so that saturation is a ratio; each text's wait is counted."""
    with run_app(model_dir=tiny_model, max_queue=77) as client:
        client.post("/v1/predict", json={"inputs": ["good", "bad", "dull"]})
        found = scrape(client)
    assert only(found, "batch_queue_limit_texts") == 77
    assert only(found, "batch_queue_seconds_count") == 3


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize(("provider", "fallback"), [("CPUExecutionProvider", 0), ("CUDAExecutionProvider", 1)])
def test_another_provider_than_promised_shows(
    run_app: RunApp, tiny_model: Path, provider: str, fallback: float
) -> None:
    """What was promised and what runs are labels; that they differ is a series that an alert can read."""
    with run_app(model_dir=tiny_model, provider=provider) as client:
        found = scrape(client)
    assert only(found, "provider_fallback") == fallback
    assert only(found, "model_info", provider="CPUExecutionProvider", promised_provider=provider) == 1


def test_a_missing_engine_is_counted(run_app: RunApp, tiny_model: Path, tmp_path: Path) -> None:
    """A process that finds no engine for its place says so; one that needs none has missed none."""
    with run_app(model_dir=tiny_model, engine_cache=tmp_path) as client:
        assert only(scrape(client), "engine_cache_misses_total") == 1
    with run_app(model_dir=tiny_model) as client:
        assert only(scrape(client), "engine_cache_misses_total") == 0
