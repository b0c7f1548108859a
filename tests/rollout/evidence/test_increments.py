"""Counters of pods that restart, vanish and come: nothing is lost that was seen, nothing is counted twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.evidence.increments import Grid, by_unit, increments

_GRID = Grid(1000.0, 60.0, 4)


def samples(*values: float | None) -> list[tuple[float, str]]:
    """Samples of a series at each minute; None is a minute without."""
    return [(1000.0 + 60 * minute, str(value)) for minute, value in enumerate(values) if value is not None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((5, 7, 7, 10, 11), [2, 0, 3, 1]),  # what was counted before the step is not of the step
        ((5, 7, 2, 3, 3), [2, 2, 1, 0]),  # a restart: it began at nothing
        ((None, None, 4, 6, 6), [0, 4, 2, 0]),  # a pod that came
        ((5, 8, None, None, None), [3, 0, 0, 0]),  # a pod that vanished
        ((5, None, None, 9, 9), [0, 0, 4, 0]),  # a gap in the scrapes
        ((None, None, None, None, None), [0, 0, 0, 0]),
    ],
)
def test_one_series(values: tuple[float | None, ...], expected: list[float]) -> None:
    """Increments by minute."""
    assert increments(samples(*values), _GRID).tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=4, max_size=4))
def test_nothing_is_lost_over_restarts(minutes: list[tuple[int, bool]]) -> None:
    """Whatever a pod counted since its last restart is counted, wherever the restarts are."""
    value, seen, expected = 3.0, [(1000.0, "3.0")], list[float]()
    for minute, (more, restarts) in enumerate(minutes, start=1):
        value = float(more) if restarts and more < value else value + more
        expected.append(float(more))
        seen.append((1000.0 + 60 * minute, repr(value)))
    assert increments(seen, _GRID).tolist() == expected


def test_pods_are_followed_each_by_itself() -> None:
    """Two pods with the same unit: one restarts while the other counts on; requests without a unit are told apart."""
    series: list[dict[str, Any]] = [
        {"metric": {"unit": "007", "pod": "a"}, "values": samples(100, 110, 5, 6, 6)},
        {"metric": {"unit": "007", "pod": "b"}, "values": samples(50, 51, 52, 53, 54)},
        {"metric": {"unit": "none", "pod": "a"}, "values": samples(0, 1, 2, 3, 4)},
    ]
    found = by_unit(series, _GRID)
    assert found.by_unit[:, 7].tolist() == [11, 6, 2, 1]
    assert found.by_unit.sum() == 20
    assert found.unknown == 4
    assert np.count_nonzero(found.by_unit.sum(axis=0)) == 1
