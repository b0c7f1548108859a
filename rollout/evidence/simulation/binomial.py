"""Exact bounds of a probability that was counted (Clopper and Pearson 1934)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_HALVINGS = 60


def upper_bound(hits: int, trials: int, confidence: float = 0.95) -> float:
    """The probability below which the true one lies with this confidence."""
    if hits == trials:
        return 1.0
    return _root(lambda p: _at_most(hits, trials, p) - (1 - confidence))


def lower_bound(hits: int, trials: int, confidence: float = 0.95) -> float:
    """The probability above which the true one lies with this confidence."""
    return 1 - upper_bound(trials - hits, trials, confidence)


def _at_most(hits: int, trials: int, p: float) -> float:
    """The probability of at most so many hits; ``p`` lies between 0 and 1."""
    ways = (math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) for k in range(hits + 1))
    return math.fsum(math.exp(way + k * math.log(p) + (trials - k) * math.log1p(-p)) for k, way in enumerate(ways))


def _root(falling: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high
