"""Estimates with variances in which a user counts once, however many requests they send.

All arrays carry the looks first: [look, unit] are sums from the start of the step to that look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# No unit weighs more than so many average ones: one heavy user decides nothing.
_HEAVIEST: Final = 3.0
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Ratio:
    """Sums [look, unit]: of what is averaged, of what it is averaged over, and of covariates of the same kind."""

    total: Floats
    weight: Floats
    covariates: tuple[Floats, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value per look with its variance and the variance's degrees of freedom."""

    value: Floats
    variance: Floats
    df: Floats

    def plus_variance(self, variance: Floats, df: Floats) -> Estimate:
        """With another, independent source of noise; degrees of freedom after Satterthwaite."""
        total = self.variance + variance
        joint = total**2 / np.maximum(self.variance**2 / self.df + variance**2 / df, _TINY**2)
        return Estimate(self.value, total, np.where(total > 0, np.maximum(joint, 1.0), self.df))

    def at_least(self, variance: Floats) -> Estimate:
        """With a variance no smaller than that."""
        return Estimate(self.value, np.maximum(self.variance, variance), self.df)


@dataclass(frozen=True, slots=True)
class Contrast:
    """The candidate's mean less the reference's, both means, and the slopes [look, covariate] that adjusted it."""

    difference: Estimate
    candidate: Floats
    reference: Estimate
    slopes: Floats


@dataclass(frozen=True, slots=True)
class _Mean:
    value: Floats  # [look]
    influence: Floats  # [look, unit]: how far each unit moves the mean
    leverage: Floats  # [look, unit]: its share of the weight
    covariates: Floats  # [look, covariate]: their means
    covariate_influence: Floats  # [look, unit, covariate]


def until(counts: Floats, looks: NDArray[np.int64]) -> Floats:
    """Sums [look, unit] of counts [interval, unit], each look's interval included."""
    return np.cumsum(counts, axis=0)[looks]


def mean(ratio: Ratio) -> Estimate:
    """The mean over units and its variance."""
    fitted = _mean(ratio)
    variance, df = _clustered(fitted.influence, fitted.leverage, parameters=1)
    return Estimate(fitted.value, variance, df)


def contrast(candidate: Ratio, reference: Ratio) -> Contrast:
    """The difference of two means, with what covariates explain of it taken out.

    A covariate's slope is the one that leaves the least variance between units of a slot (CUPED: Deng, Xu, Kohavi,
    Walker 2013). Units are given to slots by a hash, so covariates cannot bias the difference.
    """
    sides = _mean(candidate), _mean(reference)
    slopes = _slopes(sides)
    parameters = 1 + slopes.shape[1]
    parts = [
        _clustered(
            side.influence - np.einsum("luk,lk->lu", side.covariate_influence, slopes),
            side.leverage,
            parameters=parameters,
        )
        for side in sides
    ]
    raw = sides[0].value - sides[1].value
    adjusted = raw - ((sides[0].covariates - sides[1].covariates) * slopes).sum(axis=1)
    first = Estimate(adjusted, *parts[0])
    known = Estimate(sides[1].value, *parts[1])
    return Contrast(first.plus_variance(*parts[1]), sides[0].value, known, slopes)


def _mean(ratio: Ratio) -> _Mean:
    weight = ratio.weight
    active = np.maximum((weight > 0).sum(axis=1, keepdims=True), 1)
    heaviest = _HEAVIEST * weight.sum(axis=1, keepdims=True) / active
    tempered = np.minimum(1.0, heaviest / np.maximum(weight, _TINY))
    whole = np.maximum((tempered * weight).sum(axis=1, keepdims=True), _TINY)

    def averaged(total: Floats) -> tuple[Floats, Floats]:
        value = (tempered * total).sum(axis=1, keepdims=True) / whole
        return value[:, 0], tempered * (total - value * weight) / whole

    value, influence = averaged(ratio.total)
    covariates = [averaged(covariate) for covariate in ratio.covariates]
    looks, units = weight.shape
    means = np.stack([c[0] for c in covariates], axis=1) if covariates else np.zeros((looks, 0))
    influences = np.stack([c[1] for c in covariates], axis=2) if covariates else np.zeros((looks, units, 0))
    return _Mean(value, influence, tempered * weight / whole, means, influences)


def _slopes(sides: Sequence[_Mean]) -> Floats:
    outcome = np.concatenate([side.influence for side in sides], axis=1)
    covariates = np.concatenate([side.covariate_influence for side in sides], axis=1)
    squares = np.einsum("luk,lum->lkm", covariates, covariates)
    products = np.einsum("luk,lu->lk", covariates, outcome)
    scale = np.einsum("lkk->lk", squares)
    # A covariate that does not vary explains nothing; the ridge is far below any that does.
    ridge = np.eye(squares.shape[1]) * (1e-9 * scale + _TINY)[:, None, :]
    return np.asarray(np.linalg.solve(squares + ridge, products[..., None]), dtype=np.float64)[..., 0]


def _clustered(influence: Floats, leverage: Floats, *, parameters: int) -> tuple[Floats, Floats]:
    """The variance by units, each residual enlarged by its leverage (the jackknife, CR3), and degrees of freedom.

    The latter are those of a sum of squares of so unequal units (Satterthwaite), less the parameters that were fitted:
    with few or unequal units a variance is itself uncertain.
    """
    enlarged = influence / np.maximum(1 - leverage, 0.05)
    active = (leverage > 0).sum(axis=1)
    squares = leverage**2
    df = squares.sum(axis=1) ** 2 / np.maximum((squares**2).sum(axis=1), _TINY**2)
    df = np.maximum(df * (1 - parameters / np.maximum(active, parameters + 1)), 1.0)
    return (enlarged**2).sum(axis=1) * active / np.maximum(active - parameters + 1, 1), df
