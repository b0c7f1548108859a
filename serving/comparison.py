"""Asks two slots the same texts and counts how often they agree."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

import httpx
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from serving.user_metrics import OWN_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = structlog.stdlib.get_logger("serving.comparison")
_PATH: Final = "/v1/predict"
# A slot that is too busy, or to which the body came too slowly, has not refused the texts.
_NO_REFUSALS: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


class ShadowMetrics:
    """What the comparator counts."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.comparisons = Counter(
            "shadow_comparisons", "Requests that both slots answered.", ["unit"], registry=registry
        )
        self.agreements = Counter(
            "shadow_agreements", "Those of them with the same label for every text.", ["unit"], registry=registry
        )
        self.failures = Counter(
            "shadow_failures", "Requests that a slot did not answer.", ["unit", "slot"], registry=registry
        )
        self.dropped = Counter(
            "shadow_dropped", "Mirrored requests that were not compared, by the reason.", ["reason"], registry=registry
        )
        self.running = Gauge(
            "shadow_requests_active", "Mirrored requests that are being read or compared.", registry=registry
        )


class SlotFailedError(Exception):
    """A slot gave no answer; the message quotes no text."""


class Comparator:
    """Compares at most so many requests at a time. One for each event loop."""

    def __init__(
        self,
        slots: Mapping[str, str],
        *,
        concurrency: int,
        timeout_seconds: float,
        metrics: ShadowMetrics,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare to ask.

        Args:
            slots: base URL of each of the two, by name.
            concurrency: comparisons at a time.
            timeout_seconds: for which a slot may take to answer.
            metrics: what counts.
            transport: another way to the slots than the network.
        """
        self._slots = dict(slots)
        self._concurrency = concurrency
        self._timeout = timeout_seconds
        self._metrics = metrics
        self._taken = 0
        self._running: set[asyncio.Task[None]] = set()
        self._client = httpx.AsyncClient(
            timeout=timeout_seconds,
            limits=httpx.Limits(max_connections=len(self._slots) * concurrency),
            trust_env=False,
            transport=transport,
            headers={"content-type": "application/json", OWN_HEADER: "1"},
        )

    def take(self) -> bool:
        """Take a place for one request, if there is one: nothing waits."""
        if self._taken >= self._concurrency:
            return False
        self._taken += 1
        self._metrics.running.set(self._taken)
        return True

    def give_back(self) -> None:
        """Give a place back that nothing was started in."""
        self._taken -= 1
        self._metrics.running.set(self._taken)

    def start(self, body: bytes, unit: str) -> None:
        """Compare in a place that was taken, and give it back then.

        Args:
            body: of a request for predictions.
            unit: of its user.
        """
        task = asyncio.get_running_loop().create_task(self._compare(body, unit))
        self._running.add(task)
        task.add_done_callback(self._done)

    async def finish(self) -> None:
        """Return once nothing that was started runs."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def close(self) -> None:
        """Finish, and close the connections."""
        await self.finish()
        await self._client.aclose()

    async def _compare(self, body: bytes, unit: str) -> None:
        """Ask both slots, count what they said."""
        async with asyncio.TaskGroup() as group:
            asked = {slot: group.create_task(self._ask(slot, url, body)) for slot, url in self._slots.items()}
        answers = {slot: task.result() for slot, task in asked.items()}
        failed = [slot for slot, answer in answers.items() if isinstance(answer, SlotFailedError)]
        for slot in failed:
            self._metrics.failures.labels(unit, slot).inc()
            _log.warning("slot did not answer", slot=slot, reason=str(answers[slot]))
        if failed:
            return
        if all(answer is None for answer in answers.values()):
            self._metrics.dropped.labels("refused").inc()  # by both: the client's own mistake
            return
        first, second = answers.values()
        self._metrics.comparisons.labels(unit).inc()
        self._metrics.agreements.labels(unit).inc(first == second)

    async def _ask(self, slot: str, url: str, body: bytes) -> list[str] | SlotFailedError | None:
        """The label of each text; None when the slot refused them."""
        try:
            async with asyncio.timeout(self._timeout):  # httpx' own limit is for each part of an answer
                answer = await self._client.post(f"{url}{_PATH}", content=body)
            if answer.is_client_error and answer.status_code not in _NO_REFUSALS:
                return None
            if answer.status_code != HTTPStatus.OK:
                return SlotFailedError(f"status {answer.status_code}")
            return [cast("str", each["label"]) for each in answer.json()["predictions"]]
        except (httpx.HTTPError, TimeoutError) as error:
            return SlotFailedError(type(error).__name__)
        except (ValueError, KeyError, TypeError):
            return SlotFailedError(f"{slot} answered what is no prediction")

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self.give_back()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("comparison failed", error_type=type(error).__name__)
