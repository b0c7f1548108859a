"""When to ask again, and after how long. Pure functions, and steps that a client takes in its own way of waiting."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Final

import httpx

from client.errors import NoAnswerError, RefusedError, UnavailableError
from client.problems import read_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from client.errors import ClientError, Problem

Outcome = httpx.Response | httpx.RequestError

# Somebody else, or the same one a moment later, may answer.
_PASSING: Final = frozenset(
    (
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    )
)
# The request never left.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How a client tries again.

    Attributes:
        attempts: in all, the first one included.
        first_seconds: the longest first wait; the longest wait doubles each time.
        most_seconds: the longest of all.
    """

    attempts: int = 4
    first_seconds: float = 0.1
    most_seconds: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: naming the attribute and what is allowed.
        """
        if self.attempts < 1:
            raise ValueError(f"attempts={self.attempts}: at least 1 is allowed, which asks once")
        if not 0 <= self.first_seconds <= self.most_seconds:
            raise ValueError(
                f"first_seconds={self.first_seconds}, most_seconds={self.most_seconds}: 0 <= first <= most is allowed"
            )

    def wait(self, attempt: int, *, random: float, asked: float | None) -> float:
        """Seconds to wait after an attempt.

        Args:
            attempt: which one has failed, from 1.
            random: from 0 to 1: clients that failed together must not come back together.
            asked: what the service asked to wait; it is never shortened.
        """
        longest = min(self.most_seconds, self.first_seconds * 2.0 ** min(attempt - 1, 60))
        return longest * random + (asked or 0.0)


@dataclass(frozen=True, kw_only=True)
class Send:
    """Step of an exchange: ask, and give back the response, or the error of the transport.

    Attributes:
        seconds: that it may take.
    """

    seconds: float


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Step of an exchange: wait so many seconds."""

    seconds: float


def exchange(
    retries: Retries,
    *,
    seconds: float,
    idempotent: bool,
    clock: Callable[[], float],
    random: Callable[[], float],
) -> Generator[Send | Wait, Outcome | None, tuple[httpx.Response, int]]:
    """The steps from a request to its answer.

    Args:
        retries: when to ask again.
        seconds: for all of it. No wait is begun that would end later.
        idempotent: whether the service may get the request twice.
        clock: monotonic, in seconds.
        random: from 0 to 1.

    Returns:
        The answer, with a status of 2xx, and how often was asked.

    Raises:
        RefusedError: see there.
        UnavailableError: see there.
        NoAnswerError: see there.
    """
    deadline = clock() + seconds
    for attempt in count(1):
        outcome = yield Send(seconds=max(deadline - clock(), 0.001))
        if outcome is None:
            raise AssertionError
        if isinstance(outcome, httpx.Response) and outcome.is_success:
            return outcome, attempt
        problem = read_problem(outcome) if isinstance(outcome, httpx.Response) else None
        wait = retries.wait(attempt, random=random(), asked=problem.retry_after if problem else None)
        again = attempt < retries.attempts and worth_another(outcome, idempotent=idempotent)
        if not again or clock() + wait >= deadline:
            raise _error(outcome, problem, attempts=attempt, seconds=seconds - (deadline - clock()))
        yield Wait(seconds=wait)
    raise AssertionError


def worth_another(outcome: Outcome, *, idempotent: bool) -> bool:
    """Whether the same request may be sent again, and could then succeed."""
    if not isinstance(outcome, httpx.Response):
        return idempotent or isinstance(outcome, _NOT_SENT)
    if outcome.status_code not in _PASSING:
        return False
    # Who asks to be asked again has done nothing with the request; a gateway that lost a service does not know.
    return idempotent or "Retry-After" in outcome.headers


def _error(outcome: Outcome, problem: Problem | None, *, attempts: int, seconds: float) -> ClientError:
    if problem is not None:
        passing = problem.status in _PASSING or problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return (UnavailableError if passing else RefusedError)(problem, attempts=attempts)
    tried = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    error = NoAnswerError(f"{type(outcome).__name__}; {tried} in {seconds:.1f} s", attempts=attempts)
    error.__cause__ = outcome if isinstance(outcome, Exception) else None
    return error
