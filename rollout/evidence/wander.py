"""Noise that all users of a slot share: a slow node, a noisy neighbour. It wanders, so minutes are not independent.

The difference of two slots' minute means is taken for jitter (each minute by itself) plus an autoregressive wander with
a correlation time that is assumed, not estimated: an hour holds too few independent spells to estimate it. The wander's
size is estimated from the data and moderated by a prior (Smyth 2004), because ten minutes hold next to none. Too long a
correlation time is the safe side.

Half the mean square of the steps from minute to minute is the size of the jitter. Chance in whom a minute has to serve
is part of it, and of the variance by units as well: what is counted twice is little, and makes bounds wider.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CORRELATION_SECONDS: Final = 570.0
"""Assumed: the wander's correlation falls to 1/e in this time (0.9 from one minute to the next)."""


@dataclass(frozen=True, slots=True)
class Prior:
    """The wander of one slot as a standard deviation, believed as firmly as so many degrees of freedom."""

    deviation: float
    df: float


@dataclass(frozen=True, slots=True)
class _Shape:
    of_mean: float  # variance of the mean of n intervals, of a wander of variance 1
    spread: float  # what sample variance less half the mean square step catches of it
    df: float  # degrees of freedom of that catch


def variance_of_mean(moments: Moments, step_seconds: float, prior: Prior) -> tuple[Floats, Floats]:
    """The variance that wander gives to a difference of means, per look, and its degrees of freedom."""
    shapes = [_shape(int(n), step_seconds) for n in moments.count]
    of_mean, spread, df = (np.array([getattr(s, name) for s in shapes]) for name in ("of_mean", "spread", "df"))
    caught = np.maximum(moments.variance - moments.half_step, 0.0)
    found = np.where(spread > 0, caught / np.maximum(spread, 1e-9), 0.0)
    assumed = 2 * prior.deviation**2
    size = (prior.df * assumed + df * found) / (prior.df + df)
    return size * of_mean, prior.df + df


@dataclass(frozen=True, slots=True)
class Moments:
    """Of a series up to each look: intervals, sample variance, half the mean square of its steps."""

    count: NDArray[np.int64]
    variance: Floats
    half_step: Floats


def moments(series: Floats, slopes: Floats, covariates: Floats, looks: NDArray[np.int64]) -> Moments:
    """Moments of ``series`` [interval] less ``covariates`` [interval, covariate] times ``slopes`` [look, covariate].

    Intervals in which a slot had no request are nan and left out.
    """
    seen = ~np.isnan(series)
    count, variance, half_step = list[int](), list[float](), list[float]()
    for look, slope in zip(looks, slopes, strict=True):
        compared = seen[: look + 1]
        adjusted = np.asarray(series[: look + 1][compared] - covariates[: look + 1][compared] @ slope, dtype=np.float64)
        count.append(len(adjusted))
        variance.append(float(adjusted.var(ddof=1)) if len(adjusted) > 1 else 0.0)
        half_step.append(0.5 * float(np.mean(np.diff(adjusted) ** 2)) if len(adjusted) > 1 else 0.0)
    return Moments(np.array(count), np.array(variance), np.array(half_step))


def jitter_of_mean(moments: Moments) -> tuple[Floats, Floats]:
    """The variance that jitter gives to a difference of means, per look, and its degrees of freedom."""
    count = np.maximum(moments.count, 1)
    # Steps that share a minute are correlated by a half: two thirds of them are worth as many independent ones.
    return moments.half_step / count, np.maximum(2 * (count - 1) / 3, 1.0)


@cache
def _shape(n: int, step_seconds: float) -> _Shape:
    if n == 0:
        return _Shape(1.0, 0.0, 0.0)
    correlation = math.exp(-step_seconds / CORRELATION_SECONDS)
    lags = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    covariance = correlation**lags
    of_mean = float(covariance.sum()) / n**2
    if n < 3:  # noqa: PLR2004 - a variance and a mean step need three
        return _Shape(of_mean, 0.0, 0.0)
    centred = np.eye(n) - 1 / n
    steps = np.diff(np.eye(n), axis=0)
    # The catch is the quadratic form x' A x.
    catch = centred / (n - 1) - steps.T @ steps / (2 * (n - 1))
    # White noise of half the wander's size is in the series too.
    product = catch @ (covariance + 0.5 * np.eye(n))
    spread = float(np.trace(catch @ covariance))
    noise = 2 * float(np.sum(product * product.T))
    return _Shape(of_mean, spread, 2 * spread**2 / noise if spread > 0 else 0.0)
