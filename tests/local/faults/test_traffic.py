"""The requests of a drill: steady, bounded, on loopback."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from local.errors import ClusterError
from local.faults.broken_server import Broken
from local.faults.traffic import Answer, Summary, Traffic
from tests.local.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

Served = tuple[str, threading.Event]


class _Held(BaseHTTPRequestHandler):
    """Answers when it is let."""

    let: threading.Event

    def do_POST(self) -> None:
        self.let.wait(10)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # the names do not matter
        pass


@pytest.fixture
def held() -> Iterator[Served]:
    """A server whose answers wait for an event."""
    let = threading.Event()
    yield from _serve(type("Held", (_Held,), {"let": let}), let)


@pytest.fixture
def broken() -> Iterator[Served]:
    """The server that a drill puts into a slot's rotation."""
    yield from _serve(Broken, threading.Event())


def _serve(handler: type[BaseHTTPRequestHandler], let: threading.Event) -> Iterator[Served]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/predict", let
        let.set()
        server.shutdown()
        thread.join()


def test_every_request_of_the_broken_pod_fails(broken: Served) -> None:
    """The pod's program answers 500, over connections that are kept, and the summary says so."""
    with Traffic(broken[0], rate=100) as traffic:
        wait_for("answers", lambda: traffic.statuses[500] >= 20, seconds=5)
        assert traffic.recent().failed == 1
    assert set(traffic.statuses) == {500}


def test_the_loop_is_open_and_bounded(held: Served) -> None:
    """Requests are sent while others wait, up to a number; those beyond are held back and counted."""
    url, let = held
    with Traffic(url, rate=200) as traffic:
        wait_for("requests are held back", lambda: traffic.held_back > 5, seconds=5)
        assert not traffic.statuses
        let.set()
        wait_for("answers", lambda: traffic.statuses[200] > 16, seconds=5)


def test_no_answer_is_a_failure() -> None:
    """A port that nobody listens on."""
    with Traffic("http://127.0.0.1:9/v1/predict", rate=100) as traffic:
        wait_for("failures", lambda: traffic.statuses[0] > 3, seconds=5)
        assert traffic.recent().failed == 1


def test_drills_send_to_loopback_only() -> None:
    """Whatever the stack's gateway is."""
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1 only"):
        Traffic("http://192.0.2.1/v1/predict")


def test_a_summary_of_answers() -> None:
    """The share that failed, 5xx or none, and the latency that 95 of 100 kept."""
    answers = [Answer(at=0, status=500 if index < 5 else 200, seconds=index / 100) for index in range(100)]
    assert Summary.of(answers) == Summary(answers=100, failed=0.05, p95_seconds=0.95)
    assert Summary.of([]) == Summary(answers=0, failed=0, p95_seconds=0)
