"""What was seen of a step of a release: counts by minute and user unit, of candidate and reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.float64]

UNITS: Final = 500
"""Users fall into 1,000 buckets by a hash of their identity; a unit is two neighbouring buckets."""
LOG_ORIGIN_SECONDS: Final = 0.0001
"""Log latencies are counted from here, so that their sum never falls: it is a counter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotCounts:
    """Increments of one slot's counters, each an array [interval, unit] of float64.

    ``log_seconds`` is the sum of ln(seconds / LOG_ORIGIN_SECONDS); ``texts`` the predicted labels; ``confidence`` the
    sum of the scores of all texts; ``tokens`` of all requests. ``unknown`` counts the requests that named no unit.
    """

    requests: Counts
    errors: Counts
    log_seconds: Counts
    tokens: Counts
    texts: Mapping[str, Counts]
    confidence: Counts
    right: Counts
    wrong: Counts
    unknown: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """Requests that both versions were asked: how many, and on how many all labels were the same; [interval, unit]."""

    comparisons: Counts
    agreements: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the same units did before the release, whichever slot served them; arrays [unit]."""

    requests: Counts
    log_seconds: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The candidate's share of bad requests over one window of the objective, and the reference's; nan: no request."""

    candidate: float
    reference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWindows:
    """One pair of windows at which the service's own alerts wake somebody."""

    promise: str
    threshold: float
    long_seconds: int
    long: Window
    short: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """All that a verdict is made from.

    ``reference`` is the baseline slot of the same weight, or stable where there is none. ``step_seconds`` is the length
    of an interval. ``history``, ``mirrored`` and ``pages`` are None or empty where nothing was measured.
    """

    candidate: SlotCounts
    reference: SlotCounts
    reference_slot: str = "baseline"
    step_seconds: float = 60.0
    mirrored: Mirrored | None = None
    history: History | None = None
    pages: tuple[PageWindows, ...] = field(default=())

    @property
    def requests(self) -> int:
        """Requests that are compared: the candidate's and the reference's."""
        return int(self.candidate.requests.sum() + self.reference.requests.sum())
