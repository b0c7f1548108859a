"""From an estimate to what may be said of it: bounds, whether there is enough to believe them, and a decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rollout.evidence import sequential
from rollout.evidence.limits import ADVANCE_ALPHA, ALPHA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rollout.evidence.estimators import Estimate, Ratio
    from rollout.evidence.limits import Limits, Metric

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_LEAST_VARIANCE = 1e-18


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one metric; arrays [look].

    Attributes:
        loss: positive is worse.
        margin: the loss at which a version is bad.
        candidate: as people know it; of the reference as well.
        ratios: what it was estimated from.
        scale: the effect that the boundary is tuned for; it must not depend on the data.
        directions: 1: only a loss counts; more: a shift to either side, of so many ends in all.
        enough: where time suffices.
        comparable: where both sides were under the same conditions.
    """

    loss: Estimate
    margin: Floats
    candidate: Floats
    reference: Floats
    ratios: tuple[Ratio, ...]
    scale: float
    directions: int = 1
    enough: Flags | None = None
    comparable: Flags | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One metric at each look; arrays [look]. ``usable`` says where there is enough to say anything.

    ``counted`` are requests of the candidate and the reference (of mirrored ones: comparisons, and nothing),
    ``missing`` how many more each side needs at least.
    """

    metric: Metric
    estimate: Floats
    lower: Floats
    upper: Floats
    margin: Floats
    two_sided: bool
    candidate: Floats
    reference: Floats
    counted: tuple[Floats, Floats]
    missing: Floats
    usable: Flags
    comparable: Flags

    @property
    def rollback(self) -> Flags:
        """Credibly worse, and by more than half of what is allowed; of a shift: credibly more than is allowed."""
        if self.two_sided:
            least = np.abs(self.estimate) - (self.estimate - self.lower)
            return self.usable & (least > self.margin)
        return self.usable & (self.lower > 0) & (self.estimate > self.margin / 2)

    @property
    def advance(self) -> Flags:
        """Credibly within what is allowed."""
        distance = np.abs(self.estimate) if self.two_sided else self.estimate
        return self.usable & ~self.rollback & (distance + (self.upper - self.estimate) < self.margin)


def assessed(metric: Metric, found: Finding, limits: Limits) -> Assessment:
    """With bounds at the metric's share of the false alarms."""
    variance = np.maximum(found.loss.variance, _LEAST_VARIANCE)

    def distance(alpha: float) -> Floats:
        normal = sequential.critical(1 / variance, found.scale, alpha)
        return sequential.t_of_normal(normal, found.loss.df) * np.sqrt(variance)

    counted = [ratio.weight.sum(axis=1) for ratio in found.ratios]
    units = [(ratio.weight > 0).sum(axis=1) for ratio in found.ratios]
    everywhere = np.ones(len(variance), dtype=np.bool_)
    comparable = everywhere if found.comparable is None else found.comparable
    enough = everywhere if found.enough is None else found.enough
    seen = (np.min(counted, axis=0) >= limits.least_requests) & (np.min(units, axis=0) >= limits.least_units)
    return Assessment(
        metric=metric,
        estimate=found.loss.value,
        lower=found.loss.value - distance(ALPHA[metric] / found.directions),
        upper=found.loss.value + distance(ADVANCE_ALPHA),
        margin=found.margin,
        two_sided=found.directions > 1,
        candidate=found.candidate,
        reference=found.reference,
        counted=(counted[0], counted[1] if len(counted) > 1 else np.zeros_like(counted[0])),
        missing=np.maximum(limits.least_requests - np.min(counted, axis=0), 0),
        usable=seen & comparable & enough,
        comparable=comparable,
    )
