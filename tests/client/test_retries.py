"""When a client asks again: never too often, never too late, never sooner than it was told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client import ClientError, NoAnswerError, RefusedError, Retries, UnavailableError, user_bucket
from client.problems import retry_after
from client.retries import Outcome, Send, Wait, exchange

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
_STATUSES = [200, 201, 307, 400, 404, 408, 422, 429, 500, 502, 503, 504]
_PASSING = {408, 429, 500, 502, 503, 504}


def _response(status: int, after: int | None) -> httpx.Response:
    return httpx.Response(status, headers={} if after is None else {"Retry-After": str(after)})


def _retries(attempts: int, first: float, more: float) -> Retries:
    return Retries(attempts=attempts, first_seconds=first, most_seconds=first + more)


outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(_response, st.sampled_from(_STATUSES), st.none() | st.integers(0, 20)),
    st.sampled_from([httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")]),
)
policies = st.builds(_retries, st.integers(1, 6), st.floats(0, 2), st.floats(0, 5))


class Run:
    """An exchange with a clock of its own, on which each attempt takes a tenth of a second."""

    def __init__(
        self, retries: Retries, given: list[Outcome], *, seconds: float, random: float, idempotent: bool
    ) -> None:
        self.now = 100.0
        self.sent: list[tuple[float, Outcome]] = []
        self.waits: list[float] = []
        self.result: tuple[httpx.Response, int] | ClientError
        steps = exchange(retries, seconds=seconds, idempotent=idempotent, clock=lambda: self.now, random=lambda: random)
        following = iter(given)
        outcome: Outcome | None = None
        try:
            while True:
                step: Send | Wait = steps.send(outcome)
                if isinstance(step, Wait):
                    self.waits.append(step.seconds)
                    self.now += step.seconds
                    outcome = None
                else:
                    outcome = next(following)
                    self.sent.append((self.now, outcome))
                    self.now += min(0.1, step.seconds)
        except StopIteration as end:
            self.result = end.value
        except ClientError as error:
            self.result = error


@given(policies, st.lists(outcomes, min_size=6, max_size=6), st.floats(0.2, 30), st.floats(0, 1), st.booleans())
def test_an_exchange_keeps_its_bounds(
    retries: Retries,
    given: list[Outcome],
    seconds: float,
    random: float,
    idempotent: bool,  # noqa: FBT001 - hypothesis passes by position
) -> None:
    """No more attempts and no more time than allowed; the service's wait is kept; the end is what came last."""
    run = Run(retries, given, seconds=seconds, random=random, idempotent=idempotent)
    last = run.sent[-1][1]
    assert 1 <= len(run.sent) <= retries.attempts
    assert run.sent[-1][0] <= 100.0 + seconds
    for ((_, failed), _), wait in zip(pairwise(run.sent), run.waits, strict=True):
        asked = failed.headers.get("Retry-After", "0") if isinstance(failed, httpx.Response) else "0"
        assert float(asked) <= wait <= float(asked) + retries.most_seconds
    if isinstance(run.result, ClientError):
        assert run.result.attempts == len(run.sent)
        if not isinstance(last, httpx.Response):
            assert isinstance(run.result, NoAnswerError)
        else:
            assert isinstance(run.result, UnavailableError if last.status_code in _PASSING else RefusedError)
    else:
        assert run.result == (last, len(run.sent))
        assert run.result[0].is_success
    if not idempotent:
        for _, failed in run.sent[:-1]:
            assert isinstance(failed, httpx.ConnectError) or (
                isinstance(failed, httpx.Response) and "Retry-After" in failed.headers
            )


def test_waits_grow_and_are_spread() -> None:
    """The longest wait doubles up to the most, and each is a random part of it."""
    retries = Retries(first_seconds=0.1, most_seconds=0.5)
    assert [retries.wait(n, random=1, asked=None) for n in (1, 2, 3, 4, 1000)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert retries.wait(3, random=0.5, asked=None) == 0.2
    assert retries.wait(3, random=0.5, asked=7) == 7.2


def test_who_asks_for_a_longer_wait_than_there_is_time_is_believed() -> None:
    """No attempt is made that the service said would fail: the error comes at once, with what was asked."""
    busy = httpx.Response(503, headers={"Retry-After": "30"})
    run = Run(Retries(), [busy], seconds=10, random=0.5, idempotent=True)
    assert isinstance(run.result, UnavailableError)
    assert (run.result.problem.retry_after, run.result.attempts, run.waits) == (30, 1, [])


@given(st.integers(0, 10_000))
def test_retry_after_as_seconds_and_as_a_date(seconds: int) -> None:
    """Both forms of RFC 9110 are read; a date in the past is no wait."""
    assert retry_after(f" {seconds} ", now=NOW) == seconds
    assert retry_after(format_datetime(NOW + timedelta(seconds=seconds), usegmt=True), now=NOW) == seconds
    assert retry_after(format_datetime(NOW - timedelta(seconds=seconds), usegmt=True), now=NOW) == 0


@given(st.text(max_size=20))
def test_any_other_retry_after_is_none(text: str) -> None:
    """What is neither seconds nor a date is no reason to fail."""
    found = retry_after(text, now=NOW)
    assert found is None or found >= 0


@pytest.mark.parametrize("given", [{"attempts": 0}, {"first_seconds": -1.0}, {"first_seconds": 9.0}])
def test_retries_that_make_no_sense_are_refused(given: dict[str, float]) -> None:
    """The message names the attribute and what is allowed."""
    with pytest.raises(ValueError, match=rf"{next(iter(given))}=.*allowed"):
        Retries(**given)  # pyright: ignore[reportArgumentType]


@given(st.text())
def test_a_bucket_is_three_digits_and_stays(user: str) -> None:
    """Whatever a user is called, the bucket is 000 to 999, and the same each time."""
    if any("\ud800" <= character <= "\udfff" for character in user):
        return
    bucket = user_bucket(user)
    assert len(bucket) == 3
    assert bucket.isdecimal()
    assert user_bucket(user) == bucket


def test_buckets_are_even_and_what_they_always_were() -> None:
    """Each bucket has its share of users; a change of the hash would move all of them to other versions."""
    counts = [0] * 1000
    for number in range(50_000):
        counts[int(user_bucket(f"user-{number}"))] += 1
    # Chi-square with 999 degrees of freedom: mean 999, standard deviation 45.
    assert sum((count - 50) ** 2 / 50 for count in counts) < 999 + 5 * 45
    assert [user_bucket(user) for user in ("", "alice", "Zoë")] == ["652", "207", "048"]
