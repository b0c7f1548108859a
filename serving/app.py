"""Puts the parts of the service together."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from serving import docs, feedback, flags, problems
from serving.database import Database
from serving.logs import TextHasher
from serving.metrics import Metrics
from serving.middleware import RequestMiddleware
from serving.routes import Parts, api, operations
from serving.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from serving.settings import Settings

_DESCRIPTION = "Texts in, label and score out. The model's version is in each answer."


def create_app(settings: Settings) -> FastAPI:
    """Build the application; its model begins to load when the server starts it.

    Raises:
        SettingsError: the key of the text hashes cannot be read.
    """
    metrics = Metrics()
    feature_flags = flags.Flags(
        settings.flags_file,
        batch_wait_seconds=settings.batch_wait_milliseconds / 1000,
        problems=metrics.flag_problems,
    )
    runtime = Runtime(settings, metrics, feature_flags)
    database = Database.from_settings(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        runtime.start()
        feature_flags.start()
        yield
        feature_flags.stop()
        await run_in_threadpool(runtime.stop)
        if database is not None:
            await run_in_threadpool(database.close)

    app = FastAPI(
        title="inferstack serving",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # FastAPI's own would keep bodies and the words of errors, which hold texts. Ours: serving.spans.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.parts = Parts(
        runtime=runtime, metrics=metrics, hasher=TextHasher(settings.text_hash_key_file), flags=feature_flags
    )
    problems.install(app, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(RequestMiddleware, runtime=runtime, metrics=metrics)
    app.include_router(api)
    app.include_router(operations)
    app.include_router(flags.router(feature_flags))
    if database is not None:
        app.include_router(feedback.router(database))
    docs.install(app)
    _document_limits(app, settings)
    return app


def _document_limits(app: FastAPI, settings: Settings) -> None:
    """Put the limits of this process into its OpenAPI document."""
    document: dict[str, Any] = app.openapi()
    inputs = document["components"]["schemas"]["PredictRequest"]["properties"]["inputs"]
    inputs |= {"minItems": 1, "maxItems": settings.max_inputs}
    inputs["items"] |= {"minLength": 1, "maxLength": settings.max_characters}
