"""The life of the model in a process: verified, loaded, tried on its golden texts, serving, draining."""

from __future__ import annotations

import platform
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from serving.batching import Batcher, BatchLimits
from serving.errors import ErrorType, ServingError
from serving.golden import GoldenResult, try_golden
from serving.loading import EngineMissingError, load_served
from serving.manifest import ModelError, verify
from serving.validation import Limits

if TYPE_CHECKING:
    from concurrent.futures import Future

    from serving.batching import Outcome, Tokens
    from serving.flags import Flags
    from serving.metrics import Metrics
    from serving.model import Model
    from serving.settings import Settings
    from serving.spans import RequestTrace, Tracer

_log = structlog.stdlib.get_logger("serving.runtime")


class Phase(StrEnum):
    """Where a process is in its life; it never goes back."""

    LOADING = "loading"
    FAILED = "failed"
    SERVING = "serving"


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Everything that a loaded model brings."""

    model: Model
    digest: str
    golden: GoldenResult
    batcher: Batcher
    limits: Limits


class Runtime:
    """Owns the model and its batches. Loading runs in a thread of its own, so that probes are answered meanwhile.

    Attributes:
        tracer: what records traces, once the model is there, whose name and version they carry; None: nothing does.
    """

    def __init__(self, settings: Settings, metrics: Metrics, flags: Flags) -> None:
        self.settings = settings
        self.phase = Phase.LOADING
        self.step = "not started"
        self.draining = False
        self.loaded: Loaded | None = None
        self.tracer: Tracer | None = None
        self._metrics = metrics
        self._flags = flags
        self._loader = threading.Thread(target=self._load, name="loader", daemon=True)

    def start(self) -> None:
        """Begin to load."""
        self._loader.start()

    def drain(self) -> None:
        """Say from now on that this process is not ready; requests are still answered."""
        self.draining = True
        _log.info("draining", seconds=self.settings.drain_seconds)

    def stop(self) -> None:
        """Answer what was accepted and end the batch thread."""
        self._loader.join(self.settings.request_timeout_seconds)
        if self.loaded and not self.loaded.batcher.stop(self.settings.request_timeout_seconds):
            _log.error("batch thread did not end in time", queued=self.loaded.batcher.queued)
        if self.tracer:
            self.tracer.stop()

    def require(self) -> Loaded:
        """Return what was loaded.

        Raises:
            ServingError: of type NOT_READY, when there is no model, or one that must not answer.
        """
        if self.loaded is None:
            raise ServingError(ErrorType.NOT_READY, f"the model is not loaded ({self.phase}): {self.step}")
        if not self.loaded.golden.ok:
            raise ServingError(ErrorType.NOT_READY, self.loaded.golden.reason)
        return self.loaded

    def submit(self, texts: list[Tokens], trace: RequestTrace | None) -> Future[Outcome]:
        """Queue texts for the model; see ``Batcher.submit``."""
        return self.require().batcher.submit(texts, trace)

    def _load(self) -> None:
        started = time.monotonic()
        try:
            self.loaded = self._prepare()
        except ModelError as error:
            if isinstance(error, EngineMissingError):
                self._metrics.engine_misses.inc()
            self.step, self.phase = str(error), Phase.FAILED
            _log.error("model cannot be served", reason=self.step)
        except Exception as error:  # noqa: BLE001 - the thread's end must not leave the probes without a reason
            self.step, self.phase = f"{type(error).__name__} while {self.step}", Phase.FAILED
            _log.exception("model cannot be served", reason=self.step)
        else:
            self.step, self.phase = "serving", Phase.SERVING
            seconds = round(time.monotonic() - started, 3)
            _log.info("model loaded", seconds=seconds, **self._describe(self.loaded))

    def _prepare(self) -> Loaded:
        settings = self.settings
        self.step = "verifying the manifest"
        digest = verify(settings.model_dir)
        self.step = "loading the graph"
        model = load_served(settings, digest)
        max_tokens = model.card.max_tokens if settings.profile is None else settings.profile.length.max
        self.step = "answering the golden texts"
        golden = try_golden(
            model, max_batch=settings.batch_limit, max_batch_tokens=settings.token_limit, max_tokens=max_tokens
        )
        self.tracer = self._open_tracer(model)
        batcher = Batcher(
            model.classify,
            limits=BatchLimits(
                max_batch=settings.batch_limit,
                max_batch_tokens=settings.token_limit,
                max_queue=settings.max_queue,
                wait_seconds=settings.batch_wait_milliseconds / 1000,
            ),
            observers=[self._metrics, *([self.tracer] if self.tracer else [])],
            wait_seconds=lambda: self._flags.values.batch_wait_seconds,
        )
        self._metrics.queue.set_function(lambda: batcher.queued)
        self._metrics.queue_limit.set(settings.max_queue)
        self._metrics.fallback.set(bool(model.foreign_nodes))
        limits = Limits(
            max_inputs=settings.max_inputs,
            max_characters=settings.max_characters,
            max_tokens=max_tokens,
        )
        loaded = Loaded(model=model, digest=digest, golden=golden, batcher=batcher, limits=limits)
        self._metrics.model.info(self._describe(loaded))
        return loaded

    def _open_tracer(self, model: Model) -> Tracer | None:
        settings = self.settings
        if settings.otlp_endpoint is None or settings.trace_sampling is None:
            return None
        # A tenth of a second and 20 MiB, for those alone who asked for it.
        from serving.spans import Tracer  # noqa: PLC0415

        return Tracer(
            endpoint=settings.otlp_endpoint,
            sampling=settings.trace_sampling / 100,
            resource={
                "service.name": model.card.service,
                "service.version": model.card.version,
                "service.namespace": "inferstack",
                "service.instance.id": platform.node(),
                "inferstack.slot": settings.slot,
            },
            metrics=self._metrics,
        )

    def _describe(self, loaded: Loaded) -> dict[str, str]:
        return {
            "service": loaded.model.card.service,
            "version": loaded.model.card.version,
            "slot": self.settings.slot,
            "digest": loaded.digest,
            "provider": loaded.model.first_provider,
            "promised_provider": self.settings.provider,
        }
