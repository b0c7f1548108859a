"""Errors: how many points more of the requests fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rollout.evidence import estimators
from rollout.evidence.assessment import Finding
from rollout.evidence.estimators import Ratio, until

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rollout.evidence.observations import Observations

    Floats = NDArray[np.float64]
    Looks = NDArray[np.int64]

_LAGS: Final = 2
_CERTAIN: Final = 1.645


def errors(seen: Observations, looks: Looks, budget: float) -> Finding:
    """The rise of the rate; bad is one of the whole error budget, or of the reference's own rate if that is more.

    Its own rate as far as it is certain: a reference that had bad luck excuses nothing.
    """
    sides = [(side.errors, side.requests) for side in (seen.candidate, seen.reference)]
    ratios = [Ratio(until(failed, looks), until(requests, looks)) for failed, requests in sides]
    found = estimators.contrast(*ratios)
    bursts = np.array([sum(_by_intervals(f[: n + 1], r[: n + 1]) for f, r in sides) for n in looks], dtype=np.float64)
    return Finding(
        loss=found.difference.at_least(np.maximum(binomial_floor(*ratios), bursts)),
        margin=np.maximum(budget, found.reference.value - _CERTAIN * np.sqrt(found.reference.variance)),
        candidate=found.candidate,
        reference=found.reference.value,
        ratios=tuple(ratios),
        scale=budget,
    )


def binomial_floor(*ratios: Ratio) -> Floats:
    """The variance that a difference has at least: independent requests, the rate of both sides and two cases more."""
    requests = np.array([ratio.weight.sum(axis=1) for ratio in ratios])
    cases = np.array([ratio.total.sum(axis=1) for ratio in ratios])
    rate = (cases.sum(axis=0) + 2) / (requests.sum(axis=0) + 4)
    return rate * (1 - rate) * (1 / np.maximum(requests, 1)).sum(axis=0)


def _by_intervals(failed: Floats, requests: Floats) -> float:
    """The variance of a rate when errors come in bursts to all users of a slot (Newey and West 1987, two lags)."""
    intervals = len(failed)
    if intervals < 2 * (_LAGS + 1):
        return 0.0
    by_interval, whole = failed.sum(axis=1), max(float(requests.sum()), 1.0)
    left = by_interval - requests.sum(axis=1) * by_interval.sum() / whole
    variance = float(left @ left)
    for lag in range(1, _LAGS + 1):
        variance += 2 * (1 - lag / (_LAGS + 1)) * float(left[lag:] @ left[:-lag])
    return max(variance, 0.0) / whole**2 * intervals / (intervals - 1)
