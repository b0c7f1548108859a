"""The targets: what each figure may be at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Target:
    """One row of the table.

    Attributes:
        name: what is measured.
        limit: the most that it should be, in `unit`.
        unit: seconds, MiB, x for a ratio to the peer of the same run, or nothing for a bare number.
    """

    name: str
    limit: float
    unit: Literal["s", "MiB", "x", ""]


CLUSTER_READY = Target(name="cluster stopped -> python -m local up is ready", limit=10, unit="s")
FIRST_PREDICTION = Target(name="cluster stopped -> local up, then make up to its prediction", limit=60, unit="s")
NOTHING_TO_DO = Target(name="pulumi up with nothing to do / empty program", limit=2.5, unit="x")
NOTHING_TO_DO_CHECKED = Target(name="the same with the policy pack / empty program", limit=4, unit="x")
CLUSTER_MEMORY = Target(name="all processes of the cluster, resident", limit=1228.8, unit="MiB")
POD_MEMORY = Target(name="a serving pod, resident", limit=600, unit="MiB")
TOOLS_BUILD = Target(name="build of all tools (recorded when they were built)", limit=1800, unit="s")
TOOLS_AGAIN = Target(name="make tools again, over the build", limit=0.01, unit="x")

SETTINGS = Target(name="settings of all stacks, loaded and checked", limit=0.3, unit="s")
REHEARSAL = Target(name="make rehearse STACK=prod, from nothing to the report", limit=90, unit="s")
REHEARSED_PREVIEW = Target(name="its preview / the preview of one bucket, same imports", limit=3, unit="x")
GROWTH_SERVICES = Target(name="exponent of growth: 1, 10, 50 services", limit=1, unit="")
GROWTH_POOLS = Target(name="exponent of growth: 1, 4, 16 pools", limit=1, unit="")

TELEMETRY = Target(name="requests for a CPU second of a pod, without telemetry / with", limit=1.03, unit="x")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A target with its figure; None where this run could not measure it, and then `note` says why."""

    target: Target
    value: float | None
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether there is a figure and it is within the limit."""
        return self.value is not None and self.value <= self.target.limit
