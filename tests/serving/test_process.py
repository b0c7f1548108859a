"""The service as a process of its own: real Uvicorn, real signals, real exit codes."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.app import create_app
from serving.server import ModelServer
from serving.settings import Settings
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

HOST = "127.0.0.1"


def free_port() -> int:
    """Find a port that is free now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def environment(**settings: object) -> dict[str, str]:
    """Make the environment of a serving process."""
    given = {f"SERVING_{name.upper()}": str(value) for name, value in settings.items()}
    return os.environ | {"SERVING_HOST": HOST, "SERVING_THREADS": "1"} | given


class Predictions(NamedTuple):
    """Requests for predictions: in flight, and done."""

    active: int
    answered: int


class Server:
    """A serving process and how to reach it."""

    def __init__(self, *, model: Path, output: Path, **settings: object) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.output = output
        with output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serving"],
                env=environment(model_dir=model, port=self.port, **settings),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        eventually(lambda: self.status("/readyz") == 200)

    def status(self, path: str) -> int:
        """Ask for a path; 0 when nothing answers."""
        try:
            return httpx.get(self.url + path, timeout=5).status_code
        except httpx.TransportError:
            assert self.process.poll() is None, self.output.read_text()
            return 0

    def predictions(self) -> Predictions:
        """Count the requests for predictions that were accepted."""
        samples = [
            sample
            for family in text_string_to_metric_families(httpx.get(self.url + "/metrics").text)
            for sample in family.samples
        ]
        active = sum(sample.value for sample in samples if sample.name == "http_requests_active")
        answered = sum(
            sample.value
            for sample in samples
            if sample.name == "http_requests_total" and sample.labels["path"] == "/v1/predict"
        )
        return Predictions(active=int(active) - 1, answered=int(answered))  # this very request is active too

    def lines(self) -> list[dict[str, Any]]:
        """Read what was logged so far."""
        return [json.loads(line) for line in self.output.read_text().splitlines()]


@contextmanager
def serving(*, model: Path, output: Path, **settings: object) -> Generator[Server]:
    """Run a serving process; end it if the test did not."""
    server = Server(model=model, output=output, **settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait(20)


def test_sigterm_loses_nothing_that_was_accepted(slow_model: Path, tmp_path: Path) -> None:
    """Requests in flight at SIGTERM are answered, readiness fails meanwhile, and the process exits with 0."""
    requests = 12
    with (
        serving(model=slow_model, output=tmp_path / "log", drain_seconds=5, request_timeout_seconds=60) as server,
        ThreadPoolExecutor(32) as pool,
    ):
        body = {"inputs": ["good", "bad"]}
        futures = [pool.submit(httpx.post, server.url + "/v1/predict", json=body, timeout=60) for _ in range(requests)]
        eventually(lambda: sum(server.predictions()) == requests)
        assert server.predictions().active > 0
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: server.status("/readyz") == 503)
        late = httpx.post(server.url + "/v1/predict", json=body, timeout=30)
        assert (late.status_code, late.headers["connection"]) == (200, "close")
        assert [future.result(60).status_code for future in futures] == [200] * requests
        assert server.process.wait(60) == 0
        assert all(line["level"] != "error" for line in server.lines())


def test_clients_that_reconnect_see_no_error_during_a_drain(tiny_model: Path, tmp_path: Path) -> None:
    """Clients with open connections that send one request after another get an answer to each until the drain ends."""
    with serving(model=tiny_model, output=tmp_path / "log", drain_seconds=3) as server, ThreadPoolExecutor(4) as pool:

        def steady(_: int) -> set[int]:
            statuses: set[int] = set()
            with httpx.Client(base_url=server.url, timeout=30) as client:
                while client.get("/readyz").status_code == 200:
                    statuses.add(client.post("/v1/predict", json={"inputs": ["good"]}).status_code)
                # What the gateway still sends before it has heard of it.
                statuses |= {client.post("/v1/predict", json={"inputs": ["good"]}).status_code for _ in range(5)}
            return statuses

        clients = [pool.submit(steady, number) for number in range(4)]
        eventually(lambda: "/v1/predict" in httpx.get(server.url + "/metrics").text)
        server.process.send_signal(signal.SIGTERM)
        assert [client.result(30) for client in clients] == [{200}] * 4
        assert server.process.wait(20) == 0


def test_a_body_that_does_not_come_is_the_clients_fault(tiny_model: Path, tmp_path: Path) -> None:
    """A body that does not arrive in time gets a 408."""
    with (
        serving(model=tiny_model, output=tmp_path / "log", request_timeout_seconds=0.2) as server,
        socket.create_connection((HOST, server.port), timeout=20) as connection,
    ):
        head = "POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"
        connection.sendall(head.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")


def test_behind_a_gateway_with_a_path(tiny_model: Path, tmp_path: Path) -> None:
    """With a root path, the document's server and the page's links lead through the gateway, and nowhere else."""
    with serving(model=tiny_model, output=tmp_path / "log", root_path="/sentiment") as server:
        assert httpx.get(server.url + "/openapi.json").json()["servers"] == [{"url": "/sentiment"}]
        page = httpx.get(server.url + "/docs").text
        links = re.findall(r"""(?:src=|href=|url: )["']([^"']+)""", page)
        assert "/sentiment/openapi.json" in links
        assert len(links) >= 4
        for link in links:
            assert httpx.get(server.url + link.removeprefix("/sentiment")).status_code == 200
        assert httpx.post(server.url + "/v1/predict", json={"inputs": ["good"]}).status_code == 200


def test_healthcheck_of_the_image(tiny_model: Path, tmp_path: Path) -> None:
    """The image's HEALTHCHECK exits with 0 when the service is ready and with 1 and a reason when it is not there."""
    command = [sys.executable, "-m", "serving.healthcheck"]
    with serving(model=tiny_model, output=tmp_path / "log") as server:
        well = subprocess.run(command, env=environment(port=server.port), capture_output=True, text=True, check=False)
        assert (well.returncode, json.loads(well.stdout)["ok"]) == (0, True)
    gone = subprocess.run(command, env=environment(port=server.port), capture_output=True, text=True, check=False)
    assert gone.returncode == 1
    assert f"no answer on port {server.port}" in gone.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"port": "http"}, "SERVING_PORT='http': Input should be a valid integer"),
        ({"modell_dir": "/model"}, "SERVING_MODELL_DIR is not a setting"),
        ({"text_hash_key_file": "/no/such/key"}, "SERVING_TEXT_HASH_KEY_FILE='/no/such/key': No such file"),
    ],
)
def test_bad_settings_end_in_one_line_and_exit_code_2(settings: dict[str, str], said: str) -> None:
    """A setting that cannot be used ends the process at once, with one line that names it."""
    command = [sys.executable, "-m", "serving"]
    result = subprocess.run(command, env=environment(**settings), capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"serving: {said}")
    assert result.stderr.count("\n") == 1


def test_a_busy_port_is_told(tiny_model: Path) -> None:
    """A port that another process has ends in exit code 3 and a log line that names the address."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "serving"]
        result = subprocess.run(
            command,
            env=environment(model_dir=tiny_model, port=port),
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 3
    assert any(str(port) in json.loads(line)["event"] for line in result.stdout.splitlines())


def test_what_is_loaded_is_searched_for_garbage_no_more(tiny_model: Path) -> None:
    """Once the model has been loaded, everything that is there leaves the generations of the garbage collector."""
    app = create_app(Settings(model_dir=tiny_model, threads=1))
    server = ModelServer(app, Settings(model_dir=tiny_model))
    loop = asyncio.new_event_loop()  # asyncio.run would take this thread's own away from Pulumi's tests
    try:
        loop.run_until_complete(server.on_tick(1))
        assert gc.get_freeze_count() == 0
        app.state.parts.runtime.start()
        eventually(lambda: app.state.parts.runtime.phase != "loading")
        loop.run_until_complete(server.on_tick(1))
        assert gc.get_freeze_count() > 1000
    finally:
        loop.close()
        gc.unfreeze()
        app.state.parts.runtime.stop()
