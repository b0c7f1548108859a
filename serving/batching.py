"""Dynamic, length-aware batching: requests wait in one queue, one thread runs the graph."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import structlog

from serving.errors import ErrorType, ServingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from serving.spans import RequestTrace

    Rows = list[NDArray[np.float32]]

Tokens = list[int]
# The thread looks this many batches ahead to find texts of like length; more would make short texts wait for long ones.
_BATCHES_AHEAD = 4

_log = structlog.stdlib.get_logger("serving.batching")


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """Bounds of one run of the graph and of the queue before it (seconds, texts, padded tokens)."""

    max_batch: int
    max_batch_tokens: int
    max_queue: int
    wait_seconds: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the graph.

    Attributes:
        texts: in it.
        tokens: of them, without padding.
        padded_tokens: with padding.
        started: reading of ``time.monotonic``, in seconds.
        ended: likewise.
        waited: seconds for which each text was in the queue.
        traces: of the requests that it served, as far as they are recorded.
        error_type: class of what it failed with.
    """

    texts: int
    tokens: int
    padded_tokens: int
    started: float
    ended: float
    waited: Sequence[float]
    traces: Sequence[RequestTrace] = ()
    error_type: str | None = None


class Outcome(NamedTuple):
    """What became of a request's texts.

    Attributes:
        rows: probabilities of each text.
        batch_texts: texts in the run that a text of it was in, in the mean over its texts.
    """

    rows: Rows
    batch_texts: float


class BatchObserver(Protocol):
    """Who is told of each run, before its requests are answered."""

    def observe_run(self, run: Run) -> None:
        """Take note of one run."""
        ...


@dataclass(eq=False)
class _Job:
    """The texts of one request; done when the row of each is there."""

    texts: list[Tokens]
    trace: RequestTrace | None
    queued: float = field(default_factory=time.monotonic)
    future: Future[Outcome] = field(default_factory=Future[Outcome])
    rows: dict[int, NDArray[np.float32]] = field(default_factory=dict["int", "NDArray[np.float32]"])
    company: int = 0  # sum over its texts of the texts in their runs


_Item = tuple[_Job, int]


def plan(lengths: Sequence[int], *, max_batch: int, max_batch_tokens: int) -> list[list[int]]:
    """Group texts of like length, so that little is padded.

    Args:
        lengths: tokens of each text.
        max_batch: texts in one group at most.
        max_batch_tokens: texts times longest text in one group at most; a single longer text is a group of its own.

    Returns:
        Groups of indices into ``lengths``; each index is in exactly one group.
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        group = groups[-1] if groups else None
        if group and len(group) < max_batch and (len(group) + 1) * lengths[index] <= max_batch_tokens:
            group.append(index)
        else:
            groups.append([index])
    return groups


class Batcher:
    """The queue and its thread. What was accepted is answered, also after ``stop``."""

    def __init__(
        self,
        classify: Callable[[Sequence[Tokens]], NDArray[np.float32]],
        *,
        limits: BatchLimits,
        observers: Sequence[BatchObserver] = (),
        wait_seconds: Callable[[], float] | None = None,
    ) -> None:
        """Begin to wait for texts.

        Args:
            classify: runs the graph: token ids of each text in, probabilities of each out.
            limits: of a run and of the queue.
            observers: are told of each run.
            wait_seconds: asked before each run instead of the limit.
        """
        self._wait_seconds = wait_seconds or (lambda: limits.wait_seconds)
        self._classify = classify
        self._limits = limits
        self._observers = observers
        self._queue: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)
        self._thread.start()

    @property
    def queued(self) -> int:
        """Texts that wait."""
        return len(self._queue)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def busy_seconds(self) -> float:
        """For how long the present run of the graph has lasted; 0 between runs."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def submit(self, texts: list[Tokens], trace: RequestTrace | None = None) -> Future[Outcome]:
        """Queue the texts of one request; to cancel the future withdraws them.

        Args:
            texts: token ids of each.
            trace: of the request, if it is recorded.

        Returns:
            A future of one row of probabilities for each text, and of how many ran together.

        Raises:
            ServingError: of type OVERLOADED, when the queue cannot hold them all.
        """
        job = _Job(texts, trace)
        with self._changed:
            if self._stopping:
                raise ServingError(ErrorType.NOT_READY, "the service is stopping")
            # A request larger than the whole queue is taken when it is alone, else it could never be answered.
            if self._queue and len(self._queue) + len(texts) > self._limits.max_queue:
                raise ServingError(
                    ErrorType.OVERLOADED,
                    f"{len(self._queue)} texts wait already, at most {self._limits.max_queue} may; try again later",
                )
            if trace is not None:
                trace.queued(job.queued)
            self._queue.extend((job, index) for index in range(len(texts)))
            self._changed.notify()
        return job.future

    def stop(self, timeout: float) -> bool:
        """Answer what waits, take no more, end the thread.

        Args:
            timeout: seconds to wait for that.

        Returns:
            Whether the thread ended in time.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while items := self._next_items():
            lengths = [len(job.texts[index]) for job, index in items]
            limits = self._limits
            for group in plan(lengths, max_batch=limits.max_batch, max_batch_tokens=limits.max_batch_tokens):
                self._run([items[position] for position in group])

    def _next_items(self) -> list[_Item]:
        """Wait for texts, then a moment for more of them; empty when stopped and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            if not self._stopping:
                full = self._limits.max_batch
                self._changed.wait_for(lambda: len(self._queue) >= full or self._stopping, timeout=self._wait_seconds())
            return [
                self._queue.popleft() for _ in range(min(len(self._queue), _BATCHES_AHEAD * self._limits.max_batch))
            ]

    def _run(self, items: list[_Item]) -> None:
        # Whoever waited in vain (time limit, lost client) has cancelled; those texts cost nothing.
        items = [(job, index) for job, index in items if not job.future.done()]
        if not items:
            return
        batch = [job.texts[index] for job, index in items]
        self._busy_since = started = time.monotonic()
        try:
            rows = self._classify(batch)
        except Exception as error:  # noqa: BLE001 - the thread must outlive any failure of one run
            _log.exception("batch failed", texts=len(batch), error_type=type(error).__name__)
            self._tell(items, started=started, error_type=type(error).__name__)
            for job, _ in items:
                _finish(job.future, error)
            return
        finally:
            self._busy_since = None
        self._tell(items, started=started, error_type=None)
        for (job, index), row in zip(items, rows, strict=True):
            job.rows[index] = row
            job.company += len(items)
            if (texts := len(job.texts)) == len(job.rows):
                _finish(job.future, Outcome([job.rows[position] for position in range(texts)], job.company / texts))

    def _tell(self, items: list[_Item], *, started: float, error_type: str | None) -> None:
        lengths = [len(job.texts[index]) for job, index in items]
        run = Run(
            texts=len(lengths),
            tokens=sum(lengths),
            padded_tokens=len(lengths) * max(lengths),
            started=started,
            ended=time.monotonic(),
            waited=[started - job.queued for job, _ in items],
            traces=list(dict.fromkeys(job.trace for job, _ in items if job.trace is not None)),
            error_type=error_type,
        )
        for observer in self._observers:
            observer.observe_run(run)


def _finish(future: Future[Outcome], outcome: Outcome | Exception) -> None:
    try:
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
    except InvalidStateError:
        return  # cancelled a moment ago, or failed already by another of its texts
