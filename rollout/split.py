"""Whether requests were split as was asked: a test, for answers that are independent of each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVEL = 1e-4
"""A split that is as it was asked is called wrong once in ten thousand times, whatever the number of slots."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How answers fit to weights.

    Attributes:
        asked: per cent by slot.
        counted: answers by slot.
        p: how likely such counts are, or ones that fit worse, if the split is as asked; the least of all slots, times
            their number.
    """

    asked: Mapping[str, float]
    counted: Mapping[str, int]
    p: float

    @property
    def holds(self) -> bool:
        """Whether there is no reason to doubt the split."""
        return self.p >= LEVEL

    def __str__(self) -> str:
        total = sum(self.counted.values())
        parts = (
            f"{slot} {self.counted.get(slot, 0)} of {total} for {self.asked.get(slot, 0):g} %"
            for slot in dict.fromkeys([*self.asked, *self.counted])
        )
        return f"{', '.join(parts)} (p {self.p:.2g})"


def fit(counted: Mapping[str, int], asked: Mapping[str, float]) -> Fit:
    """Compare counts with weights: the exact binomial test for each slot, by Bonferroni's rule.

    A slot that should get nothing and got something has p = 0; so has one that nobody knows.

    Args:
        counted: answers by slot, of users drawn one by one.
        asked: per cent by slot.
    """
    total = sum(counted.values())
    slots = dict.fromkeys([*asked, *counted])
    values = [binomial(counted.get(slot, 0), total, asked.get(slot, 0) / 100) for slot in slots]
    # All counts but one decide the last: there is one test less than slots, and at least one.
    return Fit(asked=asked, counted=counted, p=min(1.0, min(values, default=1.0) * max(1, len(values) - 1)))


def binomial(successes: int, total: int, chance: float) -> float:
    """The exact two-sided test: how likely are counts that are no more likely than this one.

    Args:
        successes: from 0 to total.
        total: of independent draws.
        chance: of success in each, from 0 to 1.
    """
    if chance <= 0 or chance >= 1:
        return float(successes == (total if chance >= 1 else 0))
    logs = [_log(number, total, chance) for number in range(total + 1)]
    # What is as likely, but for rounding, counts.
    limit = logs[successes] + 1e-7
    return min(1.0, math.fsum(math.exp(each) for each in logs if each <= limit))


_ONE = 100
"""Requests where one slot should get them all."""
_LEAST, _MOST = 200, 800


def draws(asked: Mapping[str, float]) -> int:
    """How many requests to send: enough that a slot of 2 % or more, left without any, is noticed.

    Args:
        asked: per cent by slot.
    """
    shared = [weight for weight in asked.values() if 0 < weight < 100]  # noqa: PLR2004  # per cent
    if not shared:
        return _ONE
    return max(_LEAST, min(_MOST, math.ceil(math.log(LEVEL / 10) / math.log1p(-min(shared) / 100))))


def _log(successes: int, total: int, chance: float) -> float:
    ways = math.lgamma(total + 1) - math.lgamma(successes + 1) - math.lgamma(total - successes + 1)
    return ways + successes * math.log(chance) + (total - successes) * math.log1p(-chance)
