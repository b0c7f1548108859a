"""What the users of a drill ask, and when: decided before the first request, whatever the answers are.

Arrivals follow a schedule and wait for nobody (an open loop), so that a slow service is met with as many requests as a
fast one. Few users ask much and many ask little, as in life.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from client.buckets import user_bucket

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BUCKETS = 1000
# Pareto's shape: the busiest twentieth of the users asks about half of all.
_TAIL = 1.2
_FEWEST_WORDS = 4


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What is asked for.

    Attributes:
        rate: requests a second.
        seconds: for how long.
        arrivals: whether gaps are random (exponential) or all the same.
        users: how many there are.
        strangers: share of the requests that come without a user.
        seed: the same seed gives the same requests.
    """

    rate: float
    seconds: float
    arrivals: Literal["poisson", "constant"] = "poisson"
    users: int = 2000
    strangers: float = 0.2
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A request to come.

    Attributes:
        at: seconds after the beginning.
        bucket: of the user; None for a stranger.
        text: to classify.
    """

    at: float
    bucket: int | None
    text: str


def plan(traffic: Traffic, sentences: Sequence[str]) -> Iterator[Planned]:
    """All requests in the order of their times.

    Args:
        traffic: how many, and of whom.
        sentences: what texts are made of: one or two of them, or the first words of one.
    """
    random_source = random.Random(traffic.seed)  # noqa: S311  # a schedule is no secret
    buckets = [int(user_bucket(f"user-{traffic.seed}-{number}")) for number in range(traffic.users)]
    shares = list(itertools.accumulate(random_source.paretovariate(_TAIL) for _ in buckets))
    at = 0.0
    while True:
        at += random_source.expovariate(traffic.rate) if traffic.arrivals == "poisson" else 1 / traffic.rate
        if at >= traffic.seconds:
            return
        stranger = random_source.random() < traffic.strangers
        who = None if stranger else random_source.choices(buckets, cum_weights=shares)[0]
        yield Planned(at=at, bucket=who, text=_text(sentences, random_source))


def _text(sentences: Sequence[str], random_source: random.Random) -> str:
    first = random_source.choice(sentences)
    if random_source.random() < 0.5:  # noqa: PLR2004  # as many long texts as short ones
        return f"{first} {random_source.choice(sentences)}"
    words = first.split()
    return " ".join(words[: random_source.randint(min(_FEWEST_WORDS, len(words)), len(words))])
