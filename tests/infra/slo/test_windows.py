from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.slo import windows
from infra.slo.windows import BURN_WINDOWS

DAYS = st.sampled_from((7, 28, 30))
BUDGETS = st.floats(1e-6, 0.5)


def test_factors_of_thirty_days_are_the_workbooks() -> None:
    """For 30 days the factors are those of table 5-8: 14.4 and 6 wake somebody, 3 and 1 make a ticket."""
    assert [(each.severity, each.long, each.short) for each in BURN_WINDOWS] == [
        ("page", "1h", "5m"),
        ("page", "6h", "30m"),
        ("ticket", "1d", "2h"),
        ("ticket", "3d", "6h"),
    ]
    assert [each.factor(30) for each in BURN_WINDOWS] == pytest.approx([14.4, 6, 3, 1])


def test_factors_of_four_weeks_and_of_one_are_the_same() -> None:
    """A week has a quarter of the budget, and the same fault spends four times the share of it."""
    four_weeks = [each.factor(28) for each in BURN_WINDOWS]
    assert four_weeks == pytest.approx([13.44, 5.6, 2.8, 1])
    assert [each.factor(7) for each in BURN_WINDOWS] == pytest.approx(four_weeks)


@given(days=DAYS)
def test_a_factor_is_the_share_of_the_budget_times_the_windows(days: int) -> None:
    """Who burns at the factor all through the long window has spent its share of the budget there, or a bit more."""
    for window in BURN_WINDOWS:
        spent = window.factor(days) * windows.seconds(window.long) / windows.seconds(windows.of_objective(days))
        assert spent >= window.budget_shares[days] - 1e-9
        assert spent == pytest.approx(window.budget_shares[days], rel=0.1)


@given(days=DAYS, budget=BUDGETS)
def test_every_alert_can_fire_and_none_fires_while_the_objective_is_kept(days: int, budget: float) -> None:
    """A threshold lies between the budget, which may be spent, and all requests, which no outage exceeds."""
    for window in BURN_WINDOWS:
        assert budget <= window.threshold(budget=budget, window_days=days) < 1


@given(days=DAYS, budget=BUDGETS)
def test_a_longer_window_has_a_lower_threshold(days: int, budget: float) -> None:
    """What is told sooner is graver: windows are ordered by length, thresholds against it, pages before tickets."""
    for faster, slower in itertools.pairwise(BURN_WINDOWS):
        assert windows.seconds(faster.long) < windows.seconds(slower.long)
        assert windows.seconds(faster.short) < windows.seconds(slower.short)
        thresholds = [each.threshold(budget=budget, window_days=days) for each in (faster, slower)]
        assert thresholds[0] >= thresholds[1]
        assert (faster.severity, slower.severity) != ("ticket", "page")
    for window in BURN_WINDOWS:
        assert windows.seconds(window.short) < windows.seconds(window.long)


@given(days=DAYS, budget=st.floats(1e-6, 0.035))
def test_a_threshold_is_factor_times_budget_where_requests_suffice(days: int, budget: float) -> None:
    """For all but loose objectives nothing is bent."""
    for window in BURN_WINDOWS:
        assert window.threshold(budget=budget, window_days=days) == pytest.approx(window.factor(days) * budget)


@pytest.mark.parametrize(
    ("per_cent", "expected"), [(99.9, 0.001), (99, 0.01), (99.999, 0.00001), (50, 0.5), (99.99999999, 1e-10)]
)
def test_a_budget_is_what_was_written(per_cent: float, expected: float) -> None:
    """No rounding noise comes into rules: 1 - 0.999 would be 0.0010000000000000009."""
    assert windows.budget(per_cent) == expected
