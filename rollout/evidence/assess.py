"""Each metric at each look: the same arithmetic for one verdict and for a simulated release of sixty looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rollout.evidence import answers
from rollout.evidence.assessment import Assessment, assessed
from rollout.evidence.errors import errors
from rollout.evidence.latency import latency
from rollout.evidence.limits import Limits, Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rollout.evidence.observations import Observations


def assess(seen: Observations, *, looks: NDArray[np.int64], budget: float, limits: Limits) -> list[Assessment]:
    """All metrics of which something was measured, at each look (an index of the last interval that is known).

    Args:
        seen: of a step.
        looks: at which of its intervals.
        budget: the share of requests that may fail.
        limits: margins.
    """
    found = [
        (Metric.ERRORS, errors(seen, looks, budget)),
        (Metric.LATENCY, latency(seen, looks, limits)),
        (Metric.AGREEMENT, answers.agreement(seen, looks, limits)),
        (Metric.ACCURACY, answers.accuracy(seen, looks, limits)),
        (Metric.CONFIDENCE, answers.confidence(seen, looks, limits)),
    ]
    all_labels = [assessed(Metric.LABELS, one, limits) for one in answers.labels(seen, looks, limits)]
    # Each label has its share of the false alarms; the one that moved most is shown.
    most_moved = sorted(all_labels, key=lambda one: -float(np.abs(one.estimate[-1])))[:1]
    return [assessed(metric, one, limits) for metric, one in found if one is not None] + most_moved
