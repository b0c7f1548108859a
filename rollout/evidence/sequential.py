"""Bounds that stay valid however often one looks: the one-sided normal mixture, and what makes a t of few units normal.

With information I = 1 / variance, the score S = estimate * I of no effect moves like a Brownian motion in I, and

    M = 2 sqrt(r / (I + r)) exp(S^2 / (2 (I + r))) Phi(S / sqrt(I + r))

is a martingale: the likelihood ratio of a half-normal mixture of effects of scale 1 / sqrt(r). By Ville's inequality it
ever reaches 1 / alpha with probability alpha at most, at whatever times one looks. Sources: Robbins 1970; Howard,
Ramdas, McAuliffe, Sekhon 2021 (one-sided normal mixture); Waudby-Smith et al. 2024 (with an estimated variance).
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Effects are mixed on the scale of the margin, some on a far larger one: a broken version needs few requests.
_SCALES: Final = ((1.0, 0.88), (4.0, 0.08), (16.0, 0.04))
_MOST: Final = 60.0
_WIDEST, _POINTS = 30.0, 1201
_HALVINGS: Final = 44

_erfc = np.frompyfunc(math.erfc, 1, 1)


def log_evidence(z: Floats, information: Floats, margin: float) -> Floats:
    """The logarithm of the e-value against "no effect" at ``z`` standard errors; ``margin`` only tunes."""
    terms = [math.log(weight) + _log_mixture(z, information, (margin * scale) ** -2) for scale, weight in _SCALES]
    return np.logaddexp.reduce(np.stack(terms), axis=0)


def critical(information: Floats, margin: float, alpha: float) -> Floats:
    """How many standard errors an estimate must lie from no effect to be evidence at level ``alpha``, at any look."""
    grid, distances = _table(alpha)
    return np.interp(np.log(information * margin**2), grid, distances)


@cache
def _table(alpha: float) -> tuple[Floats, Floats]:
    """The distances by the logarithm of information in units of the margin: bisected once, then interpolated."""
    grid = np.linspace(-_WIDEST, _WIDEST, _POINTS)
    low, high = np.zeros(_POINTS), np.full(_POINTS, _MOST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = log_evidence(middle, np.exp(grid), 1.0) >= -math.log(alpha)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return grid, high


def normal_of_t(t: Floats, df: Floats) -> Floats:
    """The normal quantile as improbable as Student's ``t``, to within 0.02 from three degrees of freedom on.

    Source: Wallace 1959, "Bounds on normal approximations to Student's and the chi-square distributions".
    """
    return np.sign(t) * (8 * df + 1) / (8 * df + 3) * np.sqrt(df * np.log1p(t * t / df))


def t_of_normal(z: Floats, df: Floats) -> Floats:
    """The inverse of ``normal_of_t``; infinite where so few degrees of freedom can never be so sure."""
    exponent = (z * (8 * df + 3) / (8 * df + 1)) ** 2 / df
    with np.errstate(over="ignore"):
        return np.sign(z) * np.sqrt(df * np.expm1(exponent))


def _log_mixture(z: Floats, information: Floats, rho: float) -> Floats:
    share = information / (information + rho)
    below = 0.5 * np.asarray(_erfc(-z * np.sqrt(share) / math.sqrt(2)), dtype=np.float64)
    return math.log(2) + 0.5 * np.log1p(-share) + z * z * share / 2 + np.log(below)
