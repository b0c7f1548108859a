"""From samples of counters to what happened in each interval, by unit of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rollout.evidence.observations import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """Samples at ``start``, ``start + step`` … in seconds of the epoch; ``intervals`` of them lie between samples."""

    start: float
    step: float
    intervals: int


@dataclass(frozen=True, slots=True)
class Increments:
    """What was counted, [interval, unit], and the sum of what belongs to no unit."""

    by_unit: Floats
    unknown: float


def by_unit(series: Iterable[Mapping[str, Any]], grid: Grid) -> Increments:
    """Increments of all series of a counter, over all pods.

    Each series (one pod, one unit) is followed by itself: a sample lower than the one before it is a restart, after
    which the counter began at nothing; a series that comes later than the first sample began at nothing; one that ends
    counts until its end. Nothing is extrapolated: a request counts when it was seen.
    """
    counted = np.zeros((grid.intervals, UNITS))
    unknown = 0.0
    for one in series:
        found = increments(one["values"], grid)
        unit = str(one["metric"].get("unit", ""))
        if unit.isdecimal() and int(unit) < UNITS:
            counted[:, int(unit)] += found
        else:
            unknown += float(found.sum())
    return Increments(counted, unknown)


def increments(samples: Iterable[tuple[float, str]], grid: Grid) -> Floats:
    """Increments of one series in each interval of the grid."""
    found = np.zeros(grid.intervals)
    last = 0.0
    for timestamp, text in samples:
        value = float(text)
        position = round((float(timestamp) - grid.start) / grid.step)
        if position > 0:
            found[min(position, grid.intervals) - 1] += value - last if value >= last else value
        last = value
    return found
