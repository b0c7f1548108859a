"""The usual canary analysis, to compare with: each minute, the last minutes' averages against fixed thresholds.

Its thresholds are the fairest ones: halfway between a version that is equal and one that is bad.
Sources: Argo Rollouts, Analysis (a measurement fails when its condition is not met; ``failureLimit`` is 0 by default);
Flagger, Metrics Analysis (``interval: 1m``; ``threshold: 5`` failed checks in its examples).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rollout.evidence.observations import Observations

    Floats = NDArray[np.float64]

_MOST_ERRORS: Final = 1.5
"""Times the reference's rate, for at least this much of a rate to begin with."""
_LEAST_RATE: Final = 0.01
_MOST_RISE: Final = 1.15
_LEAST_AGREEMENT: Final = 0.95 - 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """How it is done: over how many minutes, and how many failed checks it forgives."""

    name: str
    minutes: int
    forgiven: int


USUAL: Final = (
    Analysis(name="fixed thresholds, 5 minutes, none forgiven", minutes=5, forgiven=0),
    Analysis(name="fixed thresholds, 1 minute, 4 forgiven", minutes=1, forgiven=4),
)


def rolled_back_at(seen: Observations, analysis: Analysis) -> int | None:
    """The minute (from 0) in which the analysis takes the candidate back, if it does."""
    failed = np.cumsum(_failed(seen, analysis.minutes))
    beyond = np.nonzero(failed > analysis.forgiven)[0]
    return int(beyond[0]) if len(beyond) else None


def _failed(seen: Observations, minutes: int) -> NDArray[np.bool_]:
    """The minutes in which a check fails; a check waits until its window is full."""
    requests, errors, log_seconds = (
        [_window(getattr(side, name), minutes) for side in (seen.candidate, seen.reference)]
        for name in ("requests", "errors", "log_seconds")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = [e / n for e, n in zip(errors, requests, strict=True)]
        rise = log_seconds[0] / requests[0] - log_seconds[1] / requests[1]
        bad = (rates[0] > _MOST_ERRORS * np.maximum(rates[1], _LEAST_RATE)) | (rise > math.log(_MOST_RISE))
        if seen.mirrored is not None:
            agreements, comparisons = (
                _window(values, minutes) for values in (seen.mirrored.agreements, seen.mirrored.comparisons)
            )
            bad |= agreements / comparisons < _LEAST_AGREEMENT
    bad[: minutes - 1] = False
    return bad


def _window(counts: Floats, minutes: int) -> Floats:
    """Sums over all units and the last minutes."""
    sums = np.concatenate(([0.0], np.cumsum(counts.sum(axis=1))))
    begins = np.maximum(np.arange(1, len(sums)) - minutes, 0)
    return sums[1:] - sums[begins]
