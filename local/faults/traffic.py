"""Steady, harmless requests to one service, through the gateway on loopback.

The loop is open: requests are sent when their time has come, whether or not earlier ones are answered, as many users
would. It is bounded: where too many wait for an answer, a request is held back and counted.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import httpx

from local.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

RATE = 30.0
"""Requests a second."""
_IN_FLIGHT = 16
_TIMEOUT_SECONDS = 15.0
# A drill that lasts longer than this is not watched by anybody.
_MOST_SECONDS = 5400.0
_RECENT_SECONDS = 5.0
_TEXTS = ("a wonderful film", "two hours that I want back", "the actors do what they can", "see it twice")
_FAULT = 500


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One request's end: when (monotonic seconds), the status (0 for none), and how long it took in seconds."""

    at: float
    status: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Some answers together.

    Attributes:
        answers: how many.
        failed: the share of them that were 5xx or none at all; 0 where there are no answers.
        p95_seconds: the latency that 95 of 100 kept; 0 where there are no answers.
    """

    answers: int
    failed: float
    p95_seconds: float

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> Self:
        """Of these answers."""
        found = sorted(answers, key=lambda each: each.seconds)
        if not found:
            return cls(answers=0, failed=0.0, p95_seconds=0.0)
        failed = sum(each.status == 0 or each.status >= _FAULT for each in found)
        p95 = found[min(len(found) - 1, int(len(found) * 0.95))].seconds
        return cls(answers=len(found), failed=failed / len(found), p95_seconds=p95)


class Traffic:
    """Sends while its block lasts.

    Attributes:
        url: what is asked.
        statuses: how many answers there were of each status so far; 0 for none.
        held_back: how many requests were not sent as too many waited.
    """

    def __init__(self, url: str, *, rate: float = RATE) -> None:
        if httpx.URL(url).host != "127.0.0.1":
            raise ClusterError(f"{url}: drills send to 127.0.0.1 only")
        self.url = url
        self.statuses = Counter[int]()
        self.held_back = 0
        self._rate = rate
        self._recent = deque[Answer](maxlen=1000)
        self._counting = threading.Lock()
        self._free = threading.Semaphore(_IN_FLIGHT)
        self._ended = threading.Event()
        limits = httpx.Limits(max_connections=_IN_FLIGHT, max_keepalive_connections=_IN_FLIGHT)
        self._client = httpx.Client(timeout=_TIMEOUT_SECONDS, limits=limits, trust_env=False)
        self._sender = threading.Thread(target=self._send, name="traffic")

    def __enter__(self) -> Self:
        self._sender.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._sender.join()
        self._client.close()

    def recent(self) -> Summary:
        """The answers of about the last five seconds."""
        since = time.monotonic() - _RECENT_SECONDS
        return Summary.of(each for each in tuple(self._recent) if each.at >= since)

    def _send(self) -> None:
        due = time.monotonic()
        end = due + _MOST_SECONDS
        with ThreadPoolExecutor(_IN_FLIGHT) as pool:
            for text in itertools.cycle(_TEXTS):
                if due > end or self._ended.wait(max(0.0, due - time.monotonic())):
                    return
                due += 1 / self._rate
                if self._free.acquire(blocking=False):
                    pool.submit(self._ask, text)
                else:
                    self.held_back += 1

    def _ask(self, text: str) -> None:
        began = time.monotonic()
        try:
            status = self._client.post(self.url, json={"inputs": [text]}).status_code
        except httpx.TransportError:
            status = 0
        finally:
            self._free.release()
        now = time.monotonic()
        with self._counting:
            self.statuses[status] += 1
        self._recent.append(Answer(at=now, status=status, seconds=now - began))
