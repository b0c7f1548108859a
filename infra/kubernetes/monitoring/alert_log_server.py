"""What the pod of receivers of kind ``log`` runs: it writes each alert that it is told of to its output, as JSON.

It runs in the base image, from a ConfigMap: this one file and Python's own library. Alertmanager posts notifications to
:data:`PATH`; each of their alerts becomes one line with ``received``, ``status``, ``labels``, ``annotations``,
``startsAt`` and ``endsAt``. ``GET /healthz`` answers 200.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = "/alerts"
_KEYS = ("status", "labels", "annotations", "startsAt", "endsAt")
# More than Alertmanager sends at once; who sends more is not Alertmanager.
_MOST_BYTES = 4 * 1024 * 1024
_SECONDS_FOR_A_REQUEST = 10


class NotificationError(Exception):
    """What was posted is no notification of Alertmanager's; the text says why."""


def lines(body: bytes, *, received: datetime) -> list[str]:
    """The lines for one notification, one an alert, without line ends.

    Args:
        body: JSON in version 4 of Alertmanager's webhook.
        received: when it came.

    Raises:
        NotificationError: it is something else.
    """
    try:
        notification: object = json.loads(body)
    except ValueError as error:
        raise NotificationError(f"not JSON: {error}") from None
    alerts = cast("dict[str, Any]", notification).get("alerts") if isinstance(notification, dict) else None
    if not isinstance(alerts, list):
        raise NotificationError("no list `alerts`")
    found = cast("list[object]", alerts)
    if not all(isinstance(alert, dict) and "labels" in alert for alert in found):
        raise NotificationError("an alert without labels")
    when = received.isoformat(timespec="milliseconds")
    return [
        json.dumps({"received": when, **{key: alert.get(key) for key in _KEYS}}, ensure_ascii=False)
        for alert in cast("list[dict[str, Any]]", found)
    ]


class AlertLog(ThreadingHTTPServer):
    """The server.

    Attributes:
        output: where the lines go.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], output: TextIO) -> None:
        super().__init__(address, _Handler)
        self.output = output
        self._lock = threading.Lock()

    def write(self, entries: Sequence[str]) -> None:
        """Write lines whole, whoever else writes."""
        with self._lock:
            self.output.write("".join(f"{entry}\n" for entry in entries))
            self.output.flush()


class _Handler(BaseHTTPRequestHandler):
    timeout = _SECONDS_FOR_A_REQUEST

    def do_GET(self) -> None:
        known = self.path == "/healthz"
        self._answer(HTTPStatus.OK if known else HTTPStatus.NOT_FOUND, "ok" if known else "not here")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != PATH:
            self._answer(HTTPStatus.NOT_FOUND, f"notifications go to {PATH}")
        elif not length.isdecimal():
            self._answer(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing")
        elif int(length) > _MOST_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {_MOST_BYTES} bytes")
        else:
            self._take(self.rfile.read(int(length)))

    def _take(self, body: bytes) -> None:
        try:
            entries = lines(body, received=datetime.now(tz=UTC))
        except NotificationError as error:
            self._answer(HTTPStatus.BAD_REQUEST, str(error))
            return
        cast("AlertLog", self.server).write(entries)
        self._answer(HTTPStatus.OK, "written")

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Nothing: the output is the alerts', and probes come every few seconds."""


def main(port: int) -> None:
    """Serve until SIGTERM."""
    with AlertLog(("0.0.0.0", port), sys.stdout) as server:  # noqa: S104  # in a pod

        def stop(*_: object) -> None:
            # In a thread of its own: it waits for the loop that this thread runs.
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
