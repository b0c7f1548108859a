"""Estimates: they find what is there, users weigh as users, and a variance is no smaller than it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.evidence import wander
from rollout.evidence.estimators import Ratio, contrast, mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def one_look(total: Floats, weight: Floats, *covariates: Floats) -> Ratio:
    """Sums at a single look."""
    return Ratio(total[None, :], weight[None, :], tuple(covariate[None, :] for covariate in covariates))


@given(st.floats(-5, 5), st.floats(0.1, 100))
def test_scale_and_shift(shift: float, scale: float) -> None:
    """A mean moves with what it is of; its variance goes with the square of the scale and not with a shift."""
    random = np.random.default_rng(1)
    weight = random.pareto(1.3, 100) + 1
    total = weight * random.normal(0, 1, 100)
    before, after = mean(one_look(total, weight)), mean(one_look(scale * (total + shift * weight), weight))
    assert after.value[0] == pytest.approx(scale * (before.value[0] + shift), rel=1e-6, abs=1e-6)
    assert after.variance[0] == pytest.approx(scale**2 * before.variance[0], rel=1e-6)


def test_a_heavy_user_decides_nothing() -> None:
    """One user with half of all requests and another latency counts for three average users, not for half of all."""
    weight = np.append(np.ones(99), 99.0)
    total = np.append(np.zeros(99), 99.0)
    assert mean(one_look(total, weight)).value[0] < 0.06


@pytest.mark.parametrize(("units", "tail"), [(25, 1.3), (100, 1.1), (100, 3.0)])
def test_variance_by_units_covers_sticky_users(units: int, tail: float) -> None:
    """Users who differ and come again: the estimated variance is not below the one that repetitions show."""
    random = np.random.default_rng(2)
    found = list[float]()
    estimated = list[float]()
    for _ in range(600):
        weight = random.pareto(tail, units) + 1
        estimate = mean(one_look(weight * random.normal(0, 1, units), weight))
        found.append(float(estimate.value[0]))
        estimated.append(float(estimate.variance[0]))
    assert np.mean(estimated) > 0.9 * np.var(found)
    assert np.mean(estimated) < 3 * np.var(found)


def test_covariates_take_out_what_they_explain() -> None:
    """Longer texts on one side are no difference of versions, and what is explained makes the interval smaller."""
    random = np.random.default_rng(3)
    sides = list[tuple[Ratio, Ratio]]()
    for shift in (0.0, 0.3):
        weight = random.integers(20, 60, 100).astype(np.float64)
        length = random.normal(5 + shift, 1, 100)
        outcome = weight * (0.5 * length + random.normal(0, 0.1, 100))
        sides.append((one_look(outcome, weight), one_look(outcome, weight, weight * length)))
    plain = contrast(sides[1][0], sides[0][0]).difference
    adjusted = contrast(sides[1][1], sides[0][1]).difference
    assert abs(adjusted.value[0]) < 0.05 < abs(plain.value[0])
    assert adjusted.variance[0] < plain.variance[0] / 10


def test_wander_of_a_slot_is_found_or_assumed() -> None:
    """The variance that a wander gives to the mean of an hour is met within a third; of five minutes the prior's."""
    random = np.random.default_rng(4)
    correlation, deviation = np.exp(-60 / wander.CORRELATION_SECONDS), 0.2
    prior = wander.Prior(0.06, 10.0)
    means, estimated = list[float](), list[float]()
    for _ in range(400):
        noise = random.normal(0, deviation, 60)
        noise[1:] *= np.sqrt(1 - correlation**2)
        for minute in range(1, 60):
            noise[minute] += correlation * noise[minute - 1]
        series = noise + random.normal(0, 0.05, 60)
        moments = wander.moments(series, np.zeros((1, 0)), np.zeros((60, 0)), np.array([59]))
        variance, _ = wander.variance_of_mean(moments, 60.0, wander.Prior(0.06, 1e-6))
        means.append(float(series.mean()))
        estimated.append(float(variance[0]))
    assert np.mean(estimated) == pytest.approx(np.var(means), rel=1 / 3)
    few = wander.moments(np.zeros(5), np.zeros((1, 0)), np.zeros((5, 0)), np.array([4]))
    variance, df = wander.variance_of_mean(few, 60.0, prior)
    assert variance[0] == pytest.approx(2 * 0.06**2 * 0.85, rel=0.05)
    assert df[0] < 11


def test_jitter_of_a_slot_is_noise_of_its_mean() -> None:
    """Minutes that are slow for all users of a slot, each by itself, make a mean as uncertain as they should."""
    random = np.random.default_rng(5)
    means, estimated = list[float](), list[float]()
    for _ in range(400):
        series = random.normal(0, 0.3, 20)
        moments = wander.moments(series, np.zeros((1, 0)), np.zeros((20, 0)), np.array([19]))
        means.append(float(series.mean()))
        estimated.append(float(wander.jitter_of_mean(moments)[0][0]))
    assert np.mean(estimated) == pytest.approx(np.var(means), rel=0.2)
