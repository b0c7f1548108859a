"""Around every request: an identity, a time limit, one log line, metrics, and an answer whatever happens."""

from __future__ import annotations

import asyncio
import time
import uuid
from http import HTTPStatus
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from structlog.contextvars import bound_contextvars

from serving.errors import ErrorType, ServingError
from serving.problems import respond
from serving.routes import PREDICT_PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from serving.metrics import Metrics
    from serving.runtime import Runtime
    from serving.spans import RequestTrace

_log = structlog.stdlib.get_logger("serving.requests")
# Asked for every few seconds by machines.
_QUIET = {"/livez", "/readyz", "/startupz", "/metrics"}
# Any other, which a client may make up, must not become a series.
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
_OTHER_METHOD = "_OTHER"


class RequestMiddleware:
    """Outermost layer of the application. ``scope["state"]`` carries query_id, error_type and what handlers add."""

    def __init__(self, app: ASGIApp, *, runtime: Runtime, metrics: Metrics) -> None:
        self.app = app
        self._runtime = runtime
        self._metrics = metrics
        self._limit = runtime.settings.request_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; everything that is not HTTP passes untouched."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, runtime=self._runtime)
        self._metrics.active.inc()
        # Every line that is logged meanwhile leads to the trace.
        with bound_contextvars(**exchange.trace_ids):
            try:
                await self._serve(exchange)
            finally:
                self._metrics.active.dec()
                self._record(exchange)

    async def _serve(self, exchange: _Exchange) -> None:
        try:
            async with asyncio.timeout(self._limit):
                await self.app(exchange.scope, exchange.receive, exchange.send)
        except TimeoutError:
            await exchange.fail(
                ServingError(ErrorType.TIMEOUT, f"no answer within {self._limit:g} s")
                if exchange.body_complete
                else ServingError(ErrorType.SLOW_REQUEST, f"the body did not arrive within {self._limit:g} s")
            )
        except Exception as error:  # noqa: BLE001 - no failure may leave a client without an answer or show it a traceback
            # Where, but not the error's own words: they may quote the text.
            frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)]
            _log.error(
                "unexpected error", query_id=exchange.state["query_id"], error_type=type(error).__name__, frames=frames
            )
            await exchange.fail(ServingError(ErrorType.INTERNAL, "unexpected error; the log has the query_id"))

    def _record(self, exchange: _Exchange) -> None:
        scope, state = exchange.scope, exchange.state
        seconds = time.monotonic() - exchange.started
        method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
        route: str | None = getattr(scope.get("route"), "path", None)
        path = route or "other"
        self._metrics.requests.labels(method, path, str(exchange.status)).inc()
        if "error_type" in state:
            self._metrics.errors.labels(state["error_type"]).inc()
        # Nobody asks how fast a probe is, and each path has 44 series for each class of status.
        if path in _QUIET:
            return
        trace_id = exchange.trace_ids["trace_id"] if exchange.trace else None
        self._metrics.observe_latency(path, exchange.status, seconds, trace_id=trace_id)
        if path == PREDICT_PATH:
            self._metrics.users.answered(
                scope["headers"], status=exchange.status, seconds=seconds, predicted=state.get("predicted")
            )
        if exchange.trace:
            exchange.trace.end(method=method, route=route, status=exchange.status, noted=state)
        noted: dict[str, Any] = {
            name: state[name]
            for name in ("error_type", "error_detail", "version", "texts", "text_hashes")
            if name in state
        }
        _log.info(
            "request",
            query_id=state["query_id"],
            method=method,
            path=path,
            status=exchange.status,
            latency_ms=round(seconds * 1000, 3),
            slot=self._runtime.settings.slot,
            **noted,
        )


class _Exchange:
    """One request and its answer as they pass by."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, runtime: Runtime) -> None:
        self.started = time.monotonic()
        self.status = 0  # stays 0 when the client leaves before an answer
        self.body_complete = False
        self._received = 0
        self.state: dict[str, Any] = {**scope.get("state", {}), "query_id": uuid.uuid4().hex}
        self.scope: Scope = {**scope, "state": self.state}
        self.trace: RequestTrace | None = None
        self.trace_ids: dict[str, str] = {}
        if runtime.tracer and scope["path"] not in _QUIET:
            begun = runtime.tracer.begin(scope)
            self.trace_ids = {"trace_id": begun.trace_id, "span_id": begun.span_id}
            self.trace = self.state["trace"] = begun.trace
        self._receive = receive
        self._send = send
        self._runtime = runtime

    async def receive(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self._runtime.settings.max_body_bytes:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)  # the only error that FastAPI lets through here
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.body_complete = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Query-Id"] = self.state["query_id"]
            # A failure too says who answered: without them it was the gateway.
            headers["X-Inferstack-Slot"] = self._runtime.settings.slot
            if loaded := self._runtime.loaded:
                headers["X-Inferstack-Version"] = loaded.model.card.version
            if self._runtime.draining:
                # The client must not send its next request into a socket that is about to close.
                headers["Connection"] = "close"
        await self._send(message)

    async def fail(self, error: ServingError) -> None:
        if self.status == 0:
            await respond(self.scope, error)(self.scope, self._receive, self.send)
