"""The monitoring tools as `make tools` built them: what the platform asks of each, asked of the real one."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from tools.catalogue import CATALOGUE
from tools.layout import default_layout
from tools.model import Tool
from tools.versions import version_in

pytestmark = pytest.mark.tools

BIN = default_layout().bin
NAMES = ("prometheus", "alertmanager", "kube-state-metrics", "node-exporter", "collector")
_DEADLINE = 30.0

SPAN = {"traceId": "5b8aa5a2d2c872e8321cf37308d69df2", "spanId": "051581bf3cb55c13", "name": "a span", "kind": 2}
TRACE = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(command: Sequence[str], cwd: Path) -> Generator[None]:
    """Run a server until the block ends; it must then end well when it is asked to."""
    with (cwd / "log").open("w") as log:
        server = subprocess.Popen([str(BIN / command[0]), *command[1:]], cwd=cwd, stdout=log, stderr=log)
    try:
        yield
        server.send_signal(signal.SIGTERM)
        assert server.wait(_DEADLINE) == 0, (cwd / "log").read_text()
    finally:
        server.kill()
        server.wait()


def _wait_for(condition: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _DEADLINE
    while True:
        try:
            if condition():
                return
        except (httpx.TransportError, FileNotFoundError):
            pass
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@pytest.mark.parametrize("tool", [tool for tool in CATALOGUE if tool.name in NAMES], ids=lambda tool: tool.name)
def test_every_program_says_its_version(tool: Tool) -> None:
    """Each program of a monitoring tool starts, and is the version that the catalogue pins."""
    assert tool.version_arguments is not None
    for program in tool.programs:
        answer = subprocess.run([BIN / program, *tool.version_arguments], capture_output=True, text=True, check=True)
        assert version_in(answer.stdout + answer.stderr) == tool.version


def test_prometheus_serves_its_api_without_web_pages(tmp_path: Path) -> None:
    """Without its pages Prometheus is whole: it is ready, tells its version, answers a query; a page is an error."""
    (tmp_path / "prometheus.yml").write_text("{}")
    port = _free_port()
    with (
        _running(["prometheus", f"--web.listen-address=127.0.0.1:{port}"], tmp_path),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        _wait_for(lambda: client.get("/-/ready").is_success, tmp_path / "log")
        assert client.get("/api/v1/status/buildinfo").json()["data"]["version"] == "3.5.0"
        answer = client.get("/api/v1/query", params={"query": "1 + 1"}).json()
        assert answer["data"]["result"][1] == "2"
        assert client.get("/query").is_server_error


def test_promtool_knows_how_pods_are_found(tmp_path: Path) -> None:
    """Discovery in Kubernetes is compiled in."""
    file = tmp_path / "prometheus.yml"
    job = {"job_name": "pods", "kubernetes_sd_configs": [{"role": "pod"}]}
    file.write_text(yaml.safe_dump({"scrape_configs": [job]}))
    subprocess.run([BIN / "promtool", "check", "config", "--syntax-only", file], check=True)


def test_amtool_knows_secrets_in_files(tmp_path: Path) -> None:
    """A webhook's URL and Slack's are read from files, so that no configuration holds them."""
    file = tmp_path / "alertmanager.yml"
    receiver = {
        "name": "people",
        "webhook_configs": [{"url_file": "/secrets/url"}],
        "slack_configs": [{"api_url_file": "/secrets/url", "channel": "#alerts"}],
    }
    file.write_text(yaml.safe_dump({"route": {"receiver": "people"}, "receivers": [receiver]}))
    answer = subprocess.run([BIN / "amtool", "check-config", file], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_collector_takes_a_trace_to_a_file(tmp_path: Path) -> None:
    """All parts together: a span comes in over OTLP, is batched, and is in the file; health and metrics are told."""
    receiver, health, metrics = _free_port(), _free_port(), _free_port()
    prometheus = {"host": "127.0.0.1", "port": metrics}
    telemetry = {"metrics": {"readers": [{"pull": {"exporter": {"prometheus": prometheus}}}]}}
    pipeline = {"receivers": ["otlp"], "processors": ["memory_limiter", "batch"], "exporters": ["file"]}
    configuration = {
        "extensions": {"health_check": {"endpoint": f"127.0.0.1:{health}"}},
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{receiver}"}}}},
        "processors": {"memory_limiter": {"check_interval": "1s", "limit_mib": 128}, "batch": {"timeout": "10ms"}},
        "exporters": {"file": {"path": str(tmp_path / "traces.json")}, "otlp": {"endpoint": "127.0.0.1:1"}},
        "service": {"extensions": ["health_check"], "pipelines": {"traces": pipeline}, "telemetry": telemetry},
    }
    (tmp_path / "collector.yaml").write_text(yaml.safe_dump(configuration))
    with (
        _running(["collector", f"--config={tmp_path}/collector.yaml"], tmp_path),
        httpx.Client(trust_env=False) as client,
    ):
        _wait_for(lambda: client.get(f"http://127.0.0.1:{health}").is_success, tmp_path / "log")
        assert client.post(f"http://127.0.0.1:{receiver}/v1/traces", json=TRACE).is_success
        _wait_for(lambda: bool((tmp_path / "traces.json").read_text()), tmp_path / "log")
        told = client.get(f"http://127.0.0.1:{metrics}/metrics").text
    assert "otelcol_receiver_accepted_spans" in told
    (written,) = (json.loads(line) for line in (tmp_path / "traces.json").read_text().splitlines())
    (span,) = written["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert span.items() >= SPAN.items()


def test_the_collector_has_no_other_parts() -> None:
    """What is not used is not compiled in; the exporter's older name still leads to it."""
    answer = subprocess.run([BIN / "collector", "components"], capture_output=True, text=True, check=True)
    parts = yaml.safe_load(answer.stdout)
    assert {kind: [part["name"] for part in parts[kind]] for kind in ("receivers", "processors", "exporters")} == {
        "receivers": ["otlp"],
        "processors": ["batch", "memory_limiter"],
        "exporters": ["file", "otlp_grpc"],
    }
    assert [part["name"] for part in parts["extensions"]] == ["health_check"]
