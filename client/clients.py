"""The two clients: one that waits, and one for asyncio. What they do is in client.retries; here is how they wait."""

from __future__ import annotations

import asyncio
import time
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from client.answers import Answer, read_answer
from client.buckets import BUCKET_HEADER, user_bucket
from client.retries import Retries, Send, exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from types import TracebackType

    from client.retries import Outcome, Wait

    Steps = Generator[Send | Wait, Outcome | None, tuple[httpx.Response, int]]

SLOT_HEADER: Final = "X-Inferstack-Slot"
_random = SystemRandom().random


class _Requests:
    """What both clients have in common: the requests and the steps."""

    def __init__(self, endpoint: str, *, timeout: float, retries: Retries | None, slot: str | None) -> None:
        if not _is_url(endpoint):
            raise ValueError(f"endpoint={endpoint!r}: http://HOST/SERVICE or https://HOST/SERVICE is allowed")
        if timeout <= 0:
            raise ValueError(f"timeout={timeout}: more than 0 seconds is allowed")
        self.headers = {} if slot is None else {SLOT_HEADER: slot}
        self._endpoint = endpoint.rstrip("/")
        self._timeout = timeout
        self._retries = retries or Retries()

    def request(self, path: str, document: dict[str, Any], user: str | None) -> tuple[str, dict[str, Any]]:
        """URL and arguments of a request."""
        headers = self.headers if user is None else self.headers | {BUCKET_HEADER: user_bucket(user)}
        return f"{self._endpoint}{path}", {"json": document, "headers": headers}

    def steps(self, *, idempotent: bool, clock: Callable[[], float]) -> Steps:
        """The steps of one exchange."""
        return exchange(self._retries, seconds=self._timeout, idempotent=idempotent, clock=clock, random=_random)


class Client:
    """Asks a service, and waits for its answer. Threads may share one; ``close`` it, or use it in a ``with``."""

    def __init__(
        self,
        endpoint: str,
        *,
        timeout: float = 10.0,
        retries: Retries | None = None,
        slot: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare to ask.

        Args:
            endpoint: URL of a service at its gateway: ``https://HOST/SERVICE``.
            timeout: seconds for each call, all attempts and waits included.
            retries: when to try again; four attempts if it is not given.
            slot: for testers: the slot of the release that must answer.
            transport: another one than the network.

        Raises:
            ValueError: an argument that is not allowed.
        """
        self._requests = _Requests(endpoint, timeout=timeout, retries=retries, slot=slot)
        self._http = httpx.Client(transport=transport)

    def predict(self, texts: Sequence[str], *, user: str | None = None) -> Answer:
        """Classify texts. The service may be asked several times, which changes nothing.

        Args:
            texts: at least one.
            user: any name that stays the same, so that the user meets one version for all of a release. Only its bucket
                is sent, one of a thousand.

        Raises:
            TypeError: one text, where a list of them is asked for.
            RefusedError: a text is not allowed, for example.
            UnavailableError: the service cannot answer now.
            NoAnswerError: nothing answered in time.
            UnexpectedAnswerError: what answered is no service of this kind.
        """
        response, attempts = self._exchange("/v1/predict", _inputs(texts), user, idempotent=True)
        return read_answer(response, texts=len(texts), attempts=attempts)

    def feedback(self, query_id: str, rating: int, *, comment: str | None = None, user: str | None = None) -> None:
        """Say how right an answer was. It is sent again only when the service has certainly not stored it.

        Args:
            query_id: of the answer.
            rating: from 1, wrong, to 5, right.
            comment: up to 2,000 characters.
            user: as for the prediction.

        Raises:
            RefusedError: see ``predict``.
            UnavailableError: see ``predict``.
            NoAnswerError: see ``predict``.
        """
        self._exchange("/v1/feedback", _feedback(query_id, rating, comment), user, idempotent=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _exchange(
        self, path: str, document: dict[str, Any], user: str | None, *, idempotent: bool
    ) -> tuple[httpx.Response, int]:
        url, arguments = self._requests.request(path, document, user)
        steps = self._requests.steps(idempotent=idempotent, clock=time.monotonic)
        outcome: Outcome | None = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                return end.value
            if isinstance(step, Send):
                try:
                    outcome = self._http.post(url, timeout=step.seconds, **arguments)
                except httpx.RequestError as error:
                    outcome = error
            else:
                time.sleep(step.seconds)
                outcome = None


class AsyncClient:
    """The same for asyncio: each method is one of ``Client``'s."""

    def __init__(
        self,
        endpoint: str,
        *,
        timeout: float = 10.0,
        retries: Retries | None = None,
        slot: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """See ``Client``."""
        self._requests = _Requests(endpoint, timeout=timeout, retries=retries, slot=slot)
        self._http = httpx.AsyncClient(transport=transport)

    async def predict(self, texts: Sequence[str], *, user: str | None = None) -> Answer:
        """See ``Client.predict``."""
        response, attempts = await self._exchange("/v1/predict", _inputs(texts), user, idempotent=True)
        return read_answer(response, texts=len(texts), attempts=attempts)

    async def feedback(
        self, query_id: str, rating: int, *, comment: str | None = None, user: str | None = None
    ) -> None:
        """See ``Client.feedback``."""
        await self._exchange("/v1/feedback", _feedback(query_id, rating, comment), user, idempotent=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _exchange(
        self, path: str, document: dict[str, Any], user: str | None, *, idempotent: bool
    ) -> tuple[httpx.Response, int]:
        url, arguments = self._requests.request(path, document, user)
        steps = self._requests.steps(idempotent=idempotent, clock=time.monotonic)
        outcome: Outcome | None = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                return end.value
            if isinstance(step, Send):
                try:
                    outcome = await self._http.post(url, timeout=step.seconds, **arguments)
                except httpx.RequestError as error:
                    outcome = error
            else:
                await asyncio.sleep(step.seconds)
                outcome = None


def _inputs(texts: Sequence[str]) -> dict[str, Any]:
    if isinstance(texts, str):  # a sequence of texts too, to a type checker
        raise TypeError("texts: a list of texts is allowed, and not one text")
    return {"inputs": list(texts)}


def _feedback(query_id: str, rating: int, comment: str | None) -> dict[str, Any]:
    given = {"query_id": query_id, "rating": rating}
    return given if comment is None else given | {"comment": comment}


def _is_url(endpoint: str) -> bool:
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)
