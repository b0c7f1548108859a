"""What is answered: agreement of both versions, accuracy by feedback, drift of labels and of confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rollout.evidence import estimators
from rollout.evidence.assessment import Finding
from rollout.evidence.errors import binomial_floor
from rollout.evidence.estimators import Estimate, Ratio, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rollout.evidence.limits import Limits
    from rollout.evidence.observations import Observations, SlotCounts

    Floats = NDArray[np.float64]
    Looks = NDArray[np.int64]

# A share or a score has a variance of 0.25 at most; a tenth of it is believed at least.
_LEAST_VARIANCE: Final = 0.025


def agreement(seen: Observations, looks: Looks, limits: Limits) -> Finding | None:
    """How far the share of mirrored requests with the same labels falls below what was expected."""
    if seen.mirrored is None or not seen.mirrored.comparisons.any():
        return None
    ratio = Ratio(until(seen.mirrored.agreements, looks), until(seen.mirrored.comparisons, looks))
    agreed = estimators.mean(ratio)
    compared = np.maximum(ratio.weight.sum(axis=1), 1)
    disagreed = (compared - ratio.total.sum(axis=1) + 1) / (compared + 2)
    floor = disagreed * (1 - disagreed) / compared
    return Finding(
        loss=Estimate(limits.agreement - agreed.value, np.maximum(agreed.variance, floor), agreed.df),
        margin=np.full(len(looks), limits.agreement_loss),
        candidate=agreed.value,
        reference=np.full(len(looks), limits.agreement),
        ratios=(ratio,),
        scale=limits.agreement_loss,
    )


def accuracy(seen: Observations, looks: Looks, limits: Limits) -> Finding | None:
    """How many points more of the ratings say that an answer was wrong."""
    ratios = [
        Ratio(until(side.wrong, looks), until(side.wrong + side.right, looks))
        for side in (seen.candidate, seen.reference)
    ]
    if not all(ratio.weight.any() for ratio in ratios):
        return None
    found = estimators.contrast(*ratios)
    return Finding(
        loss=found.difference.at_least(binomial_floor(*ratios)),
        margin=np.full(len(looks), limits.accuracy_loss),
        candidate=1 - found.candidate,
        reference=1 - found.reference.value,
        ratios=tuple(ratios),
        scale=limits.accuracy_loss,
    )


def labels(seen: Observations, looks: Looks, limits: Limits) -> list[Finding]:
    """The shift of each label's share; of two labels one says all."""
    names = sorted({*seen.candidate.texts, *seen.reference.texts})
    tested = names[1:] if len(names) <= 2 else names  # noqa: PLR2004 - as said
    return [_shift(seen, looks, _texts_of(name), limits.label_shift, directions=2 * len(tested)) for name in tested]


def confidence(seen: Observations, looks: Looks, limits: Limits) -> Finding | None:
    """The shift of the mean score."""
    if not (seen.candidate.texts and seen.reference.texts):
        return None
    return _shift(seen, looks, _confidence_of, limits.confidence_shift, directions=2)


def _texts_of(label: str) -> Callable[[SlotCounts], Floats]:
    def total(side: SlotCounts) -> Floats:
        return side.texts.get(label, np.zeros_like(side.requests))

    return total


def _confidence_of(side: SlotCounts) -> Floats:
    return side.confidence


def _shift(
    seen: Observations, looks: Looks, total: Callable[[SlotCounts], Floats], margin: float, *, directions: int
) -> Finding:
    ratios = [
        Ratio(until(total(side), looks), until(sum(side.texts.values(), np.zeros_like(side.requests)), looks))
        for side in (seen.candidate, seen.reference)
    ]
    found = estimators.contrast(*ratios)
    texts = np.array([np.maximum(ratio.weight.sum(axis=1), 1) for ratio in ratios])
    return Finding(
        loss=found.difference.at_least(_LEAST_VARIANCE * (1 / texts).sum(axis=0)),
        margin=np.full(len(looks), margin),
        candidate=found.candidate,
        reference=found.reference.value,
        ratios=tuple(ratios),
        scale=margin,
        directions=directions,
    )
