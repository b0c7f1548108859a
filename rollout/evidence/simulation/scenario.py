"""What simulated users, slots and versions are like: every assumption of the simulations is here."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

OBJECTIVE: Final[Mapping[str, Any]] = MappingProxyType(
    {"availability": {"budget_ratio": 0.01, "minimum_requests": 299, "page": []}}
)
"""99 % of requests succeed: what ``infra.slo.thresholds`` says of such a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A service, its users and a release. Times are minutes, deviations those of natural logarithms."""

    weight: int = 20
    """Per cent of the buckets that the candidate has; the baseline has as many."""
    minutes: int = 60
    compared_requests: int = 20_000
    """Expected over all minutes, of candidate and baseline together."""
    users_per_unit: float = 6.0
    """3,000 users in 500 units; Poisson."""
    activity_tail: float = 1.3
    """Users send requests as Pareto: the heaviest hundredth about a third of all. The variance is infinite."""
    heaviest_share: float = 0.10
    """Of a slot's requests, at most from one user."""
    burstiness: float = 2.0
    """A user's rate varies from minute to minute by a gamma factor of this variance: sessions."""
    # latency
    tokens_deviation: float = 0.6
    """Users send texts of different lengths; latency goes with the square root of the tokens."""
    user_deviation: float = 0.2
    """What is left between users when the length of their texts is known."""
    request_deviation: float = 0.35
    slow_share: float = 0.01
    slow_by: float = 1.5
    """One request in a hundred takes 4.5 times as long: a pause, a retry."""
    common_wander: float = 0.2
    """Both slots: the load of the hour."""
    slot_wander: float = 0.05
    """Each slot by itself: its nodes. Autoregressive, ``persistence`` from one minute to the next."""
    slot_jitter: float = 0.05
    """Each slot by itself, and each minute: a pause, a neighbour."""
    persistence: float = 0.9
    history_minutes: int = 60
    """Before the release: one version served all."""
    # errors and answers
    error_rate: float = 0.01
    error_shape: float = 2.0
    """Users meet errors unequally: a gamma factor of this shape."""
    positive_concentration: float = 6.0
    """Users' shares of positive texts: beta with mean 0.6 and this concentration."""
    agreement: float = 0.95
    """Of equal versions. The judge expects just this, so that any loss counts: the least favourable case."""
    agreement_concentration: float = 20.0
    """Users' texts are of different difficulty: beta."""
    accuracy: float = 0.9
    feedback_share: float = 0.02
    # what the candidate does
    latency_rise: float = 0.0
    error_factor: float = 1.0
    agreement_loss: float = 0.0


EQUAL: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        "equal at 20 %": Scenario(),
        "equal at 5 %": Scenario(weight=5),
        "equal at 40 %": Scenario(weight=40),
    }
)
"""Two equal versions: every rollback is false."""

WORSE: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        "errors doubled": Scenario(error_factor=2.0),
        "latency +30 %": Scenario(latency_rise=0.30),
        "agreement -5 points": Scenario(agreement_loss=0.05),
    }
)
"""Versions that must be found."""

STRESS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        "no wander": Scenario(slot_wander=0.0),
        "wander doubled": Scenario(slot_wander=0.10),
        "wander 30 minutes long": Scenario(persistence=0.967),
        "jitter of 30 %": Scenario(slot_jitter=0.3),
        "wilder users": Scenario(activity_tail=1.1, burstiness=8.0),
        "few users": Scenario(users_per_unit=0.5),
        "no history": Scenario(history_minutes=0),
        "errors rare": Scenario(error_rate=0.001),
    }
)
"""Equal versions in a world unlike the one that the method was made for."""
