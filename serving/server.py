"""The HTTP server, which on SIGTERM first leaves the load balancer and then finishes what it accepted."""

from __future__ import annotations

import gc
import signal
import time
from typing import TYPE_CHECKING

import uvicorn

from serving.runtime import Phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from fastapi import FastAPI

    from serving.routes import Parts
    from serving.settings import Settings

_MARGIN_SECONDS = 2.0
# Longer than Envoy keeps an idle connection (an hour): were it shorter, the server would now and then close one in the
# very moment in which the gateway sends a request.
_KEEP_ALIVE_SECONDS = 3700


class DrainingServer(uvicorn.Server):
    """Uvicorn with a drain: requests are still taken for some seconds after SIGTERM while /readyz fails.

    A gateway needs these seconds to learn that the pod is leaving. SIGINT, or a second SIGTERM, ends the drain at once;
    what was accepted is finished all the same.
    """

    def __init__(self, config: uvicorn.Config, *, drain_seconds: float, on_drain: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._on_drain = on_drain
        self._drained_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signature of the base class
        """Begin the drain. The base class would raise the signal again at the end; a finished drain exits with 0."""
        if self._drained_at is not None or sig == signal.SIGINT:
            self.should_exit = True
        if self._drained_at is None:
            self._drained_at = time.monotonic() + self._drain_seconds
            self._on_drain()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: stop when the drain is over."""
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            return True
        return await super().on_tick(counter)


class ModelServer(DrainingServer):
    """The server of the application that has a model."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            root_path=settings.root_path,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(settings.request_timeout_seconds + _MARGIN_SECONDS),
        )
        self._parts: Parts = app.state.parts
        super().__init__(config, drain_seconds=settings.drain_seconds, on_drain=self._parts.runtime.drain)
        self._settled = False

    async def on_tick(self, counter: int) -> bool:
        """Also look whether the model is there."""
        if not self._settled and self._parts.runtime.phase is not Phase.LOADING:
            # All modules and the model stay to the end: to search them for garbage again and again costs a request
            # up to 0.1 ms, most of all where traces are made.
            gc.freeze()
            self._settled = True
        return await super().on_tick(counter)
