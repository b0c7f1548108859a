"""What a service promises its users: the one object that rules, alerts, dashboards and canaries are derived from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import AfterValidator

from infra.latency_buckets import LATENCY_SECONDS
from infra.settings import errors
from infra.settings.base import Model

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST_PER_CENT = 50
_ALL = 100
_CLOSEST_BUCKETS = 4


def _per_cent(what: str) -> Callable[[float], float]:
    def check(value: float) -> float:
        if not _LEAST_PER_CENT <= value < _ALL:
            why = "; at 100 a single failure breaks it for ever" if value == _ALL else ""
            sentence = f"{value:g} is not allowed{why}. Allowed: per cent of {what}, from 50 to below 100"
            raise errors.conflict((), sentence)
        return float(value)

    return check


def _bucket(seconds: float) -> float:
    if seconds in LATENCY_SECONDS:
        return float(seconds)
    near = sorted(sorted(LATENCY_SECONDS, key=lambda bound: abs(bound - seconds))[:_CLOSEST_BUCKETS])
    allowed = ", ".join(f"{bound:g}" for bound in near)
    raise errors.conflict(
        (),
        f"{seconds:g} is no bucket of the latency histogram, so it cannot be measured. "
        f"Allowed near it: {allowed} (all: infra/latency_buckets.py)",
    )


class Latency(Model):
    """So many per cent of the good answers come within so many seconds."""

    quantile: Annotated[float, AfterValidator(_per_cent("good answers"))] = Field(
        description="Per cent of the good answers, from 50 to below 100."
    )
    seconds: Annotated[float, AfterValidator(_bucket)] = Field(
        description="A bucket of the latency histogram: infra/latency_buckets.py."
    )


class Objective(Model):
    """A service level objective."""

    availability: Annotated[float, AfterValidator(_per_cent("requests"))] = Field(
        description="Per cent of requests that get an answer that is no fault of ours, from 50 to below 100."
    )
    latency: Latency
    window_days: Literal[7, 28, 30] = Field(default=28, description="Over how many days it is kept.")
