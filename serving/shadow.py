"""``python -m serving.shadow``: what takes mirrored requests, and asks two slots the same texts.

A service of its own in the serving image, without a model. It is told everything by environment variables:

``SHADOW_STABLE_URL``, ``SHADOW_CANDIDATE_URL``
    of the two slots' Services, ``http://HOST:PORT``. Not of the gateway, which would mirror again.
``SHADOW_HOST``, ``SHADOW_PORT``
    where it listens, 0.0.0.0 and 8080.
``SHADOW_CONCURRENCY``
    comparisons at a time, 4. What comes while so many run is dropped and counted: nothing waits.
``SHADOW_TIMEOUT_SECONDS``
    for which a slot may take to answer, 10.
``SHADOW_DRAIN_SECONDS``
    time after SIGTERM in which requests are still taken while /readyz fails, 3.
``SHADOW_LOG_LEVEL``
    least level that is logged, info.

It answers 202 to ``POST`` on any path that ends in ``/v1/predict``, whatever becomes of the request, and has
``/livez``, ``/readyz`` and ``/metrics`` on the same port. Exit codes are those of ``python -m serving``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, Self

import uvicorn
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving import logs
from serving.comparison import Comparator, ShadowMetrics
from serving.server import DrainingServer
from serving.settings import SettingsError
from serving.user_metrics import is_own, unit_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import httpx
    from starlette.requests import Request

PREFIX = "SHADOW_"
_URL = r"^http://[A-Za-z0-9.-]+(:[0-9]{1,5})?$"
# As much as the service itself takes by default.
_MOST_BYTES = 2 * 1024**2
_MARGIN_SECONDS = 2


class ShadowSettings(BaseModel):
    """What the process may be told. The name of each variable is ``SHADOW_`` and the field in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    stable_url: str = Field(pattern=_URL, description="Service of the stable slot, http://HOST:PORT")
    candidate_url: str = Field(pattern=_URL, description="Service of the candidate, http://HOST:PORT")
    host: str = Field(default="0.0.0.0", min_length=1, description="address to listen on")  # noqa: S104 - a pod's only address
    port: int = Field(default=8080, ge=1, le=65535, description="TCP port to listen on")
    # More than a healthy slot needs, and little for one that is short of time, which must not get its end from here.
    concurrency: int = Field(default=4, ge=1, le=1024, description="comparisons at a time; more are dropped")
    timeout_seconds: float = Field(default=10.0, gt=0, le=600, description="for which a slot may take to answer")
    drain_seconds: float = Field(
        default=3.0, ge=0, le=300, description="time after SIGTERM in which requests are still taken"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least level that is logged"
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables that start with ``SHADOW_``.

        Raises:
            SettingsError: a name is not known, one is missing, or a value is not allowed.
        """
        given = {
            name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0])
            known = cls.model_fields.get(field)
            about = (
                known.description
                if known
                else f"the settings are {', '.join(sorted(map(_variable, cls.model_fields)))}"
            )
            raise SettingsError(f"{_variable(field)}={given.get(field)!r}: {first['msg']} ({about})") from None


class Shadow:
    """The handlers of one process."""

    def __init__(
        self, settings: ShadowSettings, metrics: ShadowMetrics, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.draining = False
        self._timeout = settings.timeout_seconds
        self._metrics = metrics
        self.comparator = Comparator(
            {"stable": settings.stable_url, "candidate": settings.candidate_url},
            concurrency=settings.concurrency,
            timeout_seconds=settings.timeout_seconds,
            metrics=metrics,
            transport=transport,
        )

    def drain(self) -> None:
        """Say from now on that this process is not ready."""
        self.draining = True

    async def mirrored(self, request: Request) -> Response:
        """Take a mirrored request, or drop it."""
        headers = request.scope["headers"]
        if is_own(headers):
            self._metrics.dropped.labels("own").inc()  # a URL of ours leads back to us
        elif not self.comparator.take():
            self._metrics.dropped.labels("busy").inc()
        elif (body := await self._body(request)) is None:
            self.comparator.give_back()
            self._metrics.dropped.labels("body").inc()
        else:
            self.comparator.start(body, unit_of(headers))
        return Response(status_code=HTTPStatus.ACCEPTED)

    async def live(self, _request: Request) -> Response:
        """Pass while the event loop runs."""
        return JSONResponse({"ok": True})

    async def ready(self, _request: Request) -> Response:
        """Pass until SIGTERM."""
        return JSONResponse(
            {"ok": not self.draining}, HTTPStatus.SERVICE_UNAVAILABLE if self.draining else HTTPStatus.OK
        )

    async def metrics(self, request: Request) -> Response:
        """Metrics in the format that is asked for."""
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._metrics.registry), headers={"Content-Type": media_type})

    async def _body(self, request: Request) -> bytes | None:
        """The whole body; None when it is too large, too slow or cut off."""
        parts = bytearray()
        try:
            async with asyncio.timeout(self._timeout):
                async for part in request.stream():
                    parts += part
                    if len(parts) > _MOST_BYTES:
                        return None
        except (TimeoutError, ClientDisconnect):
            return None
        return bytes(parts)


def create_app(settings: ShadowSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """Build the application.

    Args:
        settings: of the process.
        transport: another way to the slots than the network.
    """
    shadow = Shadow(settings, ShadowMetrics(), transport=transport)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        yield
        await shadow.comparator.close()

    app = Starlette(
        routes=[
            Route("/livez", shadow.live),
            Route("/readyz", shadow.ready),
            Route("/metrics", shadow.metrics),
            Route("/v1/predict", shadow.mirrored, methods=["POST"]),
            Route("/{prefix:path}/v1/predict", shadow.mirrored, methods=["POST"]),
        ],
        lifespan=lifespan,
    )
    app.state.shadow = shadow
    return app


def main() -> int:
    """Serve until SIGTERM; return the exit code."""
    try:
        settings = ShadowSettings.from_environment(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"serving.shadow: {error}\n")
        return 2
    logs.configure(settings.log_level)
    # Each request to a slot is a line otherwise.
    logs.quiet("httpx")
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.timeout_seconds) + _MARGIN_SECONDS,
    )
    DrainingServer(config, drain_seconds=settings.drain_seconds, on_drain=app.state.shadow.drain).run()
    return 0


def _variable(field: str) -> str:
    return PREFIX + field.upper()


if __name__ == "__main__":
    sys.exit(main())
