"""The program that writes alerts to its output."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.kubernetes.monitoring import alert_log_server
from infra.kubernetes.monitoring.alert_log_server import PATH, AlertLog, NotificationError, lines
from infra.receivers import ALERT_LOG_URL

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

RECEIVED = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "AvailabilityBudgetBurn", "service": "sentiment"},
    "annotations": {"summary": "7 % of requests fail: \u201ebad\u201c"},
    "startsAt": "2026-01-02T03:04:00.000Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus",
    "fingerprint": "f00",
}
# In version 4 of the webhook, as Alertmanager sends it.
NOTIFICATION: dict[str, Any] = {
    "version": "4",
    "groupKey": "{}",
    "status": "firing",
    "receiver": "log",
    "groupLabels": {},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager",
    "alerts": [ALERT, {**ALERT, "status": "resolved", "endsAt": "2026-01-02T03:05:00.000Z"}],
}


def test_each_alert_is_a_line() -> None:
    """A line has when it came, what became of the alert, its labels and annotations, and from when to when."""
    firing, resolved = map(json.loads, lines(json.dumps(NOTIFICATION).encode(), received=RECEIVED))
    assert firing == {
        "received": "2026-01-02T03:04:05.678+00:00",
        **{key: ALERT[key] for key in ("status", "labels", "annotations", "startsAt", "endsAt")},
    }
    assert (resolved["status"], resolved["endsAt"]) == ("resolved", "2026-01-02T03:05:00.000Z")


@given(st.text(), st.text())
def test_no_text_breaks_a_line(name: str, value: str) -> None:
    """Whatever an alert says, it stays on its line and can be read again."""
    body = json.dumps({"alerts": [{"labels": {name: value}}]}).encode()
    (line,) = lines(body, received=RECEIVED)
    assert "\n" not in line
    assert json.loads(line)["labels"] == {name: value}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "no list `alerts`"),
        (b'{"alerts": {}}', "no list `alerts`"),
        (b'{"alerts": [1]}', "an alert without labels"),
        (b'{"alerts": [{}]}', "an alert without labels"),
    ],
)
def test_what_is_no_notification_is_told(body: bytes, why: str) -> None:
    """Anything else is refused with a reason, and nothing of it is written."""
    with pytest.raises(NotificationError, match=why):
        lines(body, received=RECEIVED)


@contextmanager
def _served() -> Generator[tuple[io.StringIO, int]]:
    output = io.StringIO()
    with AlertLog(("127.0.0.1", 0), output) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield output, server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_alertmanager_is_answered_when_it_is_written() -> None:
    """A notification is written before it is acknowledged, or Alertmanager would not send it again."""
    with _served() as (output, port):
        assert _ask(port, "POST", PATH, json.dumps(NOTIFICATION).encode()) == (200, "written\n")
        assert len(output.getvalue().splitlines()) == 2


def test_alertmanager_is_sent_to_the_path_that_is_served() -> None:
    """The URL of the configuration ends in this server's path."""
    assert ALERT_LOG_URL.endswith(PATH)


def test_what_it_does_not_take_is_answered() -> None:
    """Other paths, a body without a length or beyond all measure, and what is no notification: each has its answer."""
    with _served() as (output, port):
        assert _ask(port, "GET", "/healthz")[0] == 200
        assert _ask(port, "GET", "/")[0] == 404
        assert _ask(port, "POST", "/", b"{}")[0] == 404
        assert _ask(port, "POST", PATH, b"{}") == (400, "no list `alerts`\n")
        chunked = {"Transfer-Encoding": "chunked"}
        assert _ask(port, "POST", PATH, b"0\r\n\r\n", chunked)[0] == 411
        assert _ask(port, "POST", PATH, headers={"Content-Length": str(10**9)})[0] == 413
        assert output.getvalue() == ""


def test_notifications_at_once_do_not_mix() -> None:
    """Of several senders each line is whole."""
    body = json.dumps(NOTIFICATION).encode()
    with _served() as (output, port):
        senders = [threading.Thread(target=_ask, args=(port, "POST", PATH, body)) for _ in range(8)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert {json.loads(line)["status"] for line in output.getvalue().splitlines()} == {"firing", "resolved"}
        assert len(output.getvalue().splitlines()) == 16


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _answers(port: int) -> bool:
    try:
        return _ask(port, "GET", "/healthz")[0] == 200
    except ConnectionError:
        return False


def test_it_runs_by_itself_and_ends_when_it_is_told(tmp_path: Path) -> None:
    """The one file runs without anything of the project's, writes to standard output, and ends at SIGTERM."""
    program, port = Path(alert_log_server.__file__), _free_port()
    with subprocess.Popen(
        [sys.executable, "-IB", program, str(port)], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 30
            while not _answers(port):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            _ask(port, "POST", PATH, json.dumps(NOTIFICATION).encode())
            process.terminate()
            output, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    assert [json.loads(line)["status"] for line in output.splitlines()] == ["firing", "resolved"]
