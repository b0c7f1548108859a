"""How metrics and their amounts are called."""

from __future__ import annotations

import math
from typing import Final

from rollout.evidence.limits import Metric

TITLES: Final = {
    Metric.ERRORS: "errors",
    Metric.LATENCY: "latency",
    Metric.AGREEMENT: "agreement",
    Metric.ACCURACY: "accuracy",
    Metric.LABELS: "labels",
    Metric.CONFIDENCE: "confidence",
}
_MANIFOLD: Final = math.log(10)
_LARGEST: Final = 50.0


def amount(metric: Metric, value: float | None) -> str:
    """A loss as people write it: a rise of latency in per cent, all else in points."""
    if value is None or not math.isfinite(value) or value > _LARGEST:
        return "unknown"
    if metric is not Metric.LATENCY:
        return f"{100 * value:+.2f} pt"
    if value >= _MANIFOLD:
        return f"{math.exp(value):.0f}-fold"
    return f"{math.expm1(value):+.0%}"
