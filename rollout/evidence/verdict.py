"""A verdict with its numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from rollout.evidence.limits import Metric


class Decision(StrEnum):
    """What to do with the candidate; of a single metric also that it was not compared."""

    ADVANCE = "advance"
    HOLD = "hold"
    ROLLBACK = "rollback"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricVerdict:
    """One metric. A positive ``estimate`` is worse; all of estimate, bounds and margin have the same unit.

    ``lower`` is what the loss is at least, at the metric's share of the 5 %; ``upper`` what it is at most, at 5 %.
    Both hold at every look at once, and are None where there are too few users for any. ``needed_requests`` are how
    many compared requests more may settle it, None where more requests cannot. ``requests`` are those of the candidate
    and the reference that counted (of mirrored requests the comparisons, and nothing). ``decisive`` is False of a
    metric that can take the candidate back, but is not waited for: another says the same with more certainty.
    """

    metric: Metric
    decision: Decision
    reason: str
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    margin: float | None = None
    two_sided: bool = False
    candidate: float | None = None
    reference: float | None = None
    requests: tuple[int, int] = (0, 0)
    needed_requests: int | None = None
    decisive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do with a candidate, and why."""

    decision: Decision
    reason: str
    metrics: tuple[MetricVerdict, ...]
    guard: tuple[str, ...]
    """Promises to the users that the candidate breaks so badly that the service's own alerts would wake somebody."""
    requests: int
    """Compared requests: the candidate's and the reference's."""
    needed_requests: int | None
    reference_slot: str

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def table(self) -> Table:
        """As a table for people."""
        from rollout.evidence.table import verdict_table  # noqa: PLC0415 - rich is for people only

        return verdict_table(self)

    def svg(self) -> str:
        """As a picture: the interval of each metric against its margin."""
        from rollout.evidence.picture import verdict_picture  # noqa: PLC0415 - as above

        return verdict_picture(self)
