from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from client.buckets import user_bucket
from drill.traffic import Traffic, plan

if TYPE_CHECKING:
    from typing import Literal

SENTENCES = ["A film of some words that are many.", "Short one.", "Another film, with other words in it."]


@pytest.mark.parametrize("arrivals", ["poisson", "constant"])
def test_requests_come_at_the_rate(arrivals: Literal["poisson", "constant"]) -> None:
    """As many as rate times seconds, within five standard deviations, in the order of their times."""
    planned = list(plan(Traffic(rate=50, seconds=200, arrivals=arrivals), SENTENCES))
    assert abs(len(planned) - 10_000) < 5 * 100
    assert all(0 < each.at < 200 for each in planned)
    assert all(first.at < second.at for first, second in pairwise(planned))


def test_few_users_ask_much() -> None:
    """The busiest twentieth of the users asks more than a third of all, and a fifth of the requests has no user."""
    planned = list(plan(Traffic(rate=100, seconds=300), SENTENCES))
    asked = Counter(each.bucket for each in planned if each.bucket is not None)
    assert sum(count for _, count in asked.most_common(50)) > sum(asked.values()) / 3
    strangers = sum(each.bucket is None for each in planned)
    assert strangers == pytest.approx(len(planned) / 5, rel=0.1)


def test_the_same_seed_asks_the_same() -> None:
    """A drill can be played again."""
    traffic = Traffic(rate=20, seconds=10, seed=3)
    assert list(plan(traffic, SENTENCES)) == list(plan(traffic, SENTENCES))


def test_buckets_are_the_client_library_s() -> None:
    """Users are in the buckets that a client would send."""
    known = {int(user_bucket(f"user-1-{number}")) for number in range(5)}
    planned = plan(Traffic(rate=50, seconds=20, users=5, strangers=0), SENTENCES)
    assert {each.bucket for each in planned} == known
