"""Latency: the rise of the mean of its logarithm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from rollout.evidence import estimators, wander
from rollout.evidence.assessment import Finding
from rollout.evidence.estimators import Ratio, until

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rollout.evidence.limits import Limits
    from rollout.evidence.observations import Observations, SlotCounts

    Floats = NDArray[np.float64]
    Looks = NDArray[np.int64]

_COMPARABLE: Final = 1.5
"""A slot that gets more than so many times the other's requests sees batches of another size."""
_LEAST_INTERVALS: Final = 3


def latency(seen: Observations, looks: Looks, limits: Limits) -> Finding:
    """The rise of mean log latency, of users of like texts and like latency before the release, in the same minutes."""
    sides = (seen.candidate, seen.reference)
    means = [_of_intervals(side.log_seconds, side.requests) for side in sides]
    common = (means[0] + means[1]) / 2  # nan where a slot had no request: such an interval compares nothing
    known = _before(seen)
    per_interval = [_columns(side, common, known) for side in sides]
    ratios = [
        Ratio(until(total, looks), until(requests, looks), tuple(until(column, looks) for column in covariates))
        for requests, total, *covariates in per_interval
    ]
    found = estimators.contrast(*ratios)
    series = [[_of_intervals(column, requests) for column in columns] for requests, *columns in per_interval]
    steps = [a - b for a, b in zip(*series, strict=True)]
    moments = wander.moments(steps[0], found.slopes, np.stack(steps[1:], axis=1), looks)
    loss = found.difference.plus_variance(*wander.jitter_of_mean(moments))
    loss = loss.plus_variance(*wander.variance_of_mean(moments, seen.step_seconds, limits.wander))
    raw = [until(side.log_seconds, looks).sum(axis=1) / np.maximum(_all(side, looks), 1) for side in sides]
    rise = math.log1p(limits.latency_rise)
    requests = [_all(side, looks) for side in sides]
    return Finding(
        loss=loss,
        margin=np.full(len(looks), rise),
        candidate=raw[0],
        reference=raw[1],
        ratios=tuple(ratios),
        scale=rise,
        enough=moments.count >= _LEAST_INTERVALS,
        comparable=(requests[0] <= _COMPARABLE * requests[1]) & (requests[1] <= _COMPARABLE * requests[0]),
    )


def _all(side: SlotCounts, looks: Looks) -> Floats:
    return until(side.requests, looks).sum(axis=1)


def _columns(side: SlotCounts, common: Floats, known: Floats | None) -> tuple[Floats, ...]:
    """Requests, latency less what both slots had in common in that interval, and covariates; [interval, unit] each."""
    compared = ~np.isnan(common)[:, None]
    requests = np.where(compared, side.requests, 0.0)
    latency_left = np.where(compared, side.log_seconds - side.requests * np.nan_to_num(common)[:, None], 0.0)
    tokens = np.where(compared, side.tokens, 0.0)
    return (requests, latency_left, tokens) if known is None else (requests, latency_left, tokens, requests * known)


def _of_intervals(total: Floats, weight: Floats) -> Floats:
    """Means over all units; nan where there was nothing."""
    whole = weight.sum(axis=1)
    return np.where(whole > 0, total.sum(axis=1) / np.maximum(whole, 1), np.nan)


def _before(seen: Observations) -> Floats | None:
    """Each unit's mean log latency before the release; of units that were not there, the mean of all."""
    if seen.history is None or not seen.history.requests.any():
        return None
    requests, total = seen.history.requests, seen.history.log_seconds
    return np.where(requests > 0, total / np.maximum(requests, 1), total.sum() / requests.sum())
