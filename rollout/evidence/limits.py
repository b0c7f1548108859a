"""What a candidate may cost at most, and how the allowance for false alarms is shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from rollout.evidence.wander import Prior

if TYPE_CHECKING:
    from collections.abc import Mapping


class Metric(StrEnum):
    """What is judged."""

    ERRORS = "errors"
    LATENCY = "latency"
    AGREEMENT = "agreement"
    ACCURACY = "accuracy"
    LABELS = "labels"
    CONFIDENCE = "confidence"


ALPHA: Final[Mapping[Metric, float]] = MappingProxyType(
    {
        # Errors are rare, so they need most requests; latency and agreement can do with less.
        Metric.ERRORS: 0.030,
        Metric.LATENCY: 0.012,
        Metric.AGREEMENT: 0.004,
        Metric.ACCURACY: 0.002,
        Metric.LABELS: 0.001,
        Metric.CONFIDENCE: 0.001,
    }
)
"""The probability that a metric ever takes back a version that is no worse, however often one looks: 5 % in all."""

ADVANCE_ALPHA: Final = 0.05
"""The probability that a metric ever finds a version good that costs its whole margin.

It is not shared: a version advances when all metrics say so (intersection-union test: Berger 1982).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Margins, each the loss at which a version is bad.

    Errors have theirs from the objective: the error budget, or the reference's own rate where that is higher (so a
    doubled rate is bad). The others are shares from 0 to 1; ``latency_rise`` 0.3 is 30 %.
    """

    latency_rise: float = 0.30
    agreement: float = 0.90
    """Two versions agree on at least this share of requests where nothing is wrong: better known from held-out texts.

    Two good versions disagree about what is hard: ``sentiment`` 0.1.0 and 0.2.0, right on 86.2 and 87.2 % of the
    held-out texts, agree on 93 % of them.
    """
    agreement_loss: float = 0.05
    accuracy_loss: float = 0.05
    label_shift: float = 0.10
    confidence_shift: float = 0.10
    wander: Prior = field(default=Prior(0.06, 10.0))
    """How far a slot's mean log latency wanders by itself, as believed before it was seen."""
    least_requests: int = 50
    """Of each side, before anything is said."""
    least_units: int = 5
