"""A real Prometheus reads what a pod shows."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from tests.serving.otlp import HOST, collecting
from tests.serving.test_process import free_port, serving
from tests.serving.waiting import eventually
from tools.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

pytestmark = pytest.mark.tools
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
FORMATS = {"openmetrics": "OpenMetricsText1.0.0", "text": "PrometheusText0.0.4"}


@contextmanager
def prometheus(folder: Path, target: str) -> Generator[Callable[..., Any]]:
    """Run a Prometheus that scrapes a target in each format; give what asks its API."""
    scrapes: list[dict[str, Any]] = [{"job_name": "serving"}]
    scrapes += [{"job_name": name, "scrape_protocols": [protocol]} for name, protocol in FORMATS.items()]
    common = {"scrape_interval": "1s", "scrape_timeout": "1s", "static_configs": [{"targets": [target]}]}
    configuration = folder / "prometheus.yml"
    configuration.write_text(yaml.safe_dump({"scrape_configs": [scrape | common for scrape in scrapes]}))
    address = f"{HOST}:{free_port()}"
    command = ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address={address}", "--enable-feature=exemplar-storage"]
    with (
        (folder / "prometheus.log").open("w") as log,
        subprocess.Popen(command, env=os.environ | environment(), stdout=log, stderr=log) as process,
    ):

        def ask(path: str, **parameters: str) -> Any:  # noqa: ANN401
            return httpx.get(f"http://{address}/api/v1/{path}", params=parameters, timeout=10).json()["data"]

        def answers() -> bool:
            try:
                return httpx.get(f"http://{address}/-/ready").status_code == 200
            except httpx.TransportError:
                assert process.poll() is None, (folder / "prometheus.log").read_text()
                return False

        try:
            eventually(answers)
            yield ask
        finally:
            process.terminate()


def test_prometheus_reads_exemplars_and_the_same_bounds(tiny_model: Path, tmp_path: Path) -> None:
    """It asks for OpenMetrics by itself, keeps the trace of a slow request, and has the same bounds in each format."""
    with (
        collecting() as collector,
        serving(
            model=tiny_model, output=tmp_path / "log", drain_seconds=0, otlp_endpoint=collector.url, trace_sampling=0
        ) as server,
        prometheus(tmp_path, f"{HOST}:{server.port}") as ask,
    ):
        headers = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
        httpx.post(server.url + "/v1/predict", json={"inputs": ["good"]}, headers=headers)
        buckets = 'http_request_duration_seconds_bucket{path="/v1/predict",code="2xx"}'
        eventually(lambda: len(ask("query", query=f"count by (job) ({buckets})")["result"]) == 3)
        found = ask("query", query=f"count by (job, le) ({buckets})")["result"]
        bounds = {job: {each["metric"]["le"] for each in found if each["metric"]["job"] == job} for job in FORMATS}
        assert bounds["openmetrics"] == bounds["text"]
        assert {"0.001", "0.00315", "1.0", "10.0", "+Inf"} < bounds["text"]
        now = str(ask("query", query="time()")["result"][0])
        exemplars = ask("query_exemplars", query=buckets, start=str(float(now) - 60), end=now)
    by_job = {each["seriesLabels"]["job"]: each["exemplars"][0]["labels"] for each in exemplars}
    assert by_job == {"serving": {"trace_id": TRACE_ID}, "openmetrics": {"trace_id": TRACE_ID}}
