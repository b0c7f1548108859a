"""Over which windows an error budget is watched, and how fast it may burn in each: the data of every burn-rate alert.

An alert looks at a long window, so that it is worth somebody's time, and at a short one, so that it ends soon after the
fault does. The burn rate is how many times faster the budget goes than would use it up exactly at the end of the
objective's window.

Source: Google, The Site Reliability Workbook, chapter 5, Alerting on SLOs: table 5-8 (30 days) and section Low-Traffic
Services. The short window is a twelfth of the long one for a page; of the tickets' windows those that the workbook has.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

Severity = Literal["page", "ticket"]

SECONDS: Final = {"5m": 300, "30m": 1_800, "1h": 3_600, "2h": 7_200, "6h": 21_600, "1d": 86_400, "3d": 259_200}
"""Every window but the objective's own, from short to long."""
BASE: Final = "5m"
"""The shortest window. The objective's own is an average over what is recorded for it."""
LEAST_FAILURES: Final = 10
"""So many requests must have failed in the long window before anybody is told.

One failed request of the five of a quiet night is a fifth of all, and no reason to wake anybody. With ten the true rate
lies within a factor of two of the one seen (a Poisson count's 95 % interval); a service that is so quiet that ten take
longer than one window is found by the next longer one.
"""


@dataclass(frozen=True, kw_only=True)
class BurnWindow:
    """A pair of windows, and what it takes to be told.

    Attributes:
        severity: who is told: ``page`` wakes somebody, ``ticket`` waits for the morning.
        long: the window in which the budget must burn.
        short: the window in which it must still burn.
        budget_shares: how much of the whole budget may be spent in the long window, by the objective's days.
    """

    severity: Severity
    long: str
    short: str
    budget_shares: dict[int, float]

    def factor(self, window_days: int) -> float:
        """The burn rate above which the alert fires.

        Never below 1: who burns slower than that keeps the objective. The workbook's 10 % in three days are 0.93 of
        28 days' pace, and would raise a ticket for a service that has budget left in the end.

        Args:
            window_days: the objective's window.
        """
        share = self.budget_shares[window_days]
        return max(1.0, share * window_days * SECONDS["1d"] / SECONDS[self.long])

    def threshold(self, *, budget: float, window_days: int) -> float:
        """The share of bad requests above which the alert fires, from 0 to 1.

        A loose objective times a high burn rate is more than all requests, which no outage reaches. So it is never
        more than halfway between the budget and all: most requests fail then, and that is worth being told of.

        Args:
            budget: the share of requests that may be bad, from 0 to 1.
            window_days: the objective's window.
        """
        return min(self.factor(window_days) * budget, (1 + budget) / 2)


# A week has a quarter of the budget of four, of which the same fault takes four times the share.
BURN_WINDOWS: Final = (
    BurnWindow(severity="page", long="1h", short="5m", budget_shares={7: 0.08, 28: 0.02, 30: 0.02}),
    BurnWindow(severity="page", long="6h", short="30m", budget_shares={7: 0.20, 28: 0.05, 30: 0.05}),
    BurnWindow(severity="ticket", long="1d", short="2h", budget_shares={7: 0.40, 28: 0.10, 30: 0.10}),
    BurnWindow(severity="ticket", long="3d", short="6h", budget_shares={7: 0.40, 28: 0.10, 30: 0.10}),
)
"""From the fastest burn to the slowest."""


def budget(per_cent: float) -> float:
    """The share of bad requests that an objective allows, from 0 to 1: 0.001 for 99.9 %."""
    return float((100 - Decimal(str(per_cent))) / 100)  # as it was written: 1 - 0.999 is 0.0010000000000000009


def of_objective(window_days: int) -> str:
    """The objective's own window as PromQL writes it: ``28d``."""
    return f"{window_days}d"


def seconds(window: str) -> int:
    """The length of any window, the objective's own included."""
    return SECONDS[window] if window in SECONDS else int(window.removesuffix("d")) * SECONDS["1d"]
