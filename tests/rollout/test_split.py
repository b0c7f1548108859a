"""Whether a split is as asked: the arithmetic."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout import split


@settings(max_examples=50)
@given(st.integers(1, 60), st.floats(0.01, 0.99), st.data())
def test_the_test_is_exact(total: int, chance: float, data: st.DataObject) -> None:
    """The p-value is the sum of the chances of all counts that are no more likely, by plain binomial coefficients."""
    chances = [math.comb(total, k) * chance**k * (1 - chance) ** (total - k) for k in range(total + 1)]
    seen = data.draw(st.integers(0, total))
    exact = math.fsum(each for each in chances if each <= chances[seen] * (1 + 1e-7))
    assert split.binomial(seen, total, chance) == pytest.approx(min(1.0, exact), rel=1e-6)


@given(st.integers(1, 50), st.floats(0.05, 0.5))
def test_a_right_split_is_called_wrong_no_more_often_than_said(total: int, chance: float) -> None:
    """Over all counts that a right split can give, those that are refused have a chance of the level at most."""
    chances = [math.comb(total, k) * chance**k * (1 - chance) ** (total - k) for k in range(total + 1)]
    asked = {"candidate": 100 * chance, "stable": 100 * (1 - chance)}
    fits = [split.fit({"candidate": k, "stable": total - k}, asked) for k in range(total + 1)]
    assert math.fsum(each for each, fit in zip(chances, fits, strict=True) if not fit.holds) <= split.LEVEL


@pytest.mark.parametrize(
    ("counted", "asked", "holds"),
    [
        ({"stable": 200}, {"stable": 100}, True),
        ({"stable": 199, "candidate": 1}, {"stable": 100, "candidate": 0}, False),
        ({"stable": 199, "(status 503)": 1}, {"stable": 100}, False),
        ({"stable": 225}, {"stable": 95, "candidate": 5}, False),
        ({"stable": 190, "candidate": 10}, {"stable": 95, "candidate": 5}, True),
        ({"stable": 150, "candidate": 50}, {"stable": 95, "candidate": 5}, False),
        ({"stable": 180, "candidate": 10, "baseline": 10}, {"stable": 90, "candidate": 5, "baseline": 5}, True),
        ({"stable": 240, "candidate": 12, "baseline": 0}, {"stable": 90, "candidate": 5, "baseline": 5}, False),
    ],
)
def test_which_counts_fit(counted: dict[str, int], asked: dict[str, float], *, holds: bool) -> None:
    """One request where none should be is too many; weights that are ignored are noticed; chance is not."""
    assert split.fit(counted, asked).holds is holds


@given(st.integers(1, 99))
def test_enough_requests_are_sent_to_notice_a_slot_that_gets_none(weight: int) -> None:
    """With the number that is drawn, a slot of that weight without any request is a split that does not hold."""
    asked = {"candidate": float(weight), "stable": 100.0 - weight}
    smallest = min(weight, 100 - weight)
    if smallest >= 2:
        number = split.draws(asked)
        other = "stable" if weight == smallest else "candidate"
        assert not split.fit({other: number}, asked).holds
