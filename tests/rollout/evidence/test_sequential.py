"""The boundary: it is what the theory says, and a random walk seldom crosses it, however often one looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.evidence.sequential import critical, log_evidence, normal_of_t, t_of_normal

_ALPHAS = st.sampled_from([0.05, 0.018, 0.005, 0.001])
_INFORMATION = st.floats(1e-2, 1e6)


@given(_ALPHAS, _INFORMATION)
def test_evidence_at_the_boundary_is_one_over_alpha(alpha: float, information: float) -> None:
    """The e-value at the critical distance is 1 / alpha, to within the interpolation's thousandth."""
    at = np.array([information])
    assert log_evidence(critical(at, 1.0, alpha), at, 1.0)[0] == pytest.approx(-math.log(alpha), abs=0.005)


@given(_ALPHAS, _INFORMATION)
def test_looking_often_costs(alpha: float, information: float) -> None:
    """The boundary lies above the quantile of a test that looks once, and a smaller alpha lies further out."""
    at = np.array([information])
    distance = critical(at, 1.0, alpha)[0]
    once = math.erfc(distance / math.sqrt(2)) / 2
    assert once < alpha
    assert critical(at, 1.0, alpha / 2)[0] > distance


@given(_INFORMATION, st.floats(0.001, 1000))
def test_units_do_not_matter(information: float, margin: float) -> None:
    """Points or shares, logarithms or per cent: only information in units of the margin counts."""
    scaled = critical(np.array([information / margin**2]), margin, 0.05)
    assert scaled[0] == pytest.approx(critical(np.array([information]), 1.0, 0.05)[0])


def test_expected_evidence_without_effect_is_one() -> None:
    """Without an effect the e-value is 1 in the mean at any information: what makes it a martingale."""
    z = np.linspace(-12, 300, 31_201)
    for information in (0.1, 1.0, 10.0):
        weighed = np.exp(log_evidence(z, np.full_like(z, information), 1.0) - z * z / 2) / math.sqrt(2 * math.pi)
        assert float(np.trapezoid(weighed, z)) == pytest.approx(1, abs=0.001)


def test_random_walks_cross_seldom() -> None:
    """Of 4,000 random walks looked at 300 times, far less than would be with a fixed quantile, at most alpha cross."""
    alpha, looks = 0.05, 300
    information = np.cumsum(np.full(looks, 0.2))
    walks = np.cumsum(np.random.default_rng(1).normal(0, math.sqrt(0.2), (4_000, looks)), axis=1)
    crossed = (walks / np.sqrt(information) > critical(information, 1.0, alpha)).any(axis=1).mean()
    assert crossed <= alpha
    assert (walks / np.sqrt(information) > 1.645).any(axis=1).mean() > 4 * alpha


@given(st.floats(-30, 30), st.floats(1, 500))
def test_students_t_becomes_normal_and_back(t: float, df: float) -> None:
    """The correction for few users is undone by its inverse, keeps the sign, and never makes a result more certain."""
    z = normal_of_t(np.array([t]), np.array([df]))
    assert abs(z[0]) <= abs(t) + 1e-9
    assert t_of_normal(z, np.array([df]))[0] == pytest.approx(t, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("t", "df", "normal"),
    [(2.015, 5, 1.645), (3.365, 5, 2.326), (1.812, 10, 1.645), (4.144, 10, 3.090)],  # tables of Student's t
)
def test_students_t_as_in_the_tables(t: float, df: float, normal: float) -> None:
    """Equally improbable values of Student's t and of the normal distribution."""
    assert normal_of_t(np.array([t]), np.array([float(df)]))[0] == pytest.approx(normal, abs=0.02)
