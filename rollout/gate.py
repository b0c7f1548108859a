"""What the evidence says of the step that is deployed: the question that is asked before the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra import routing
from infra.settings import BlueGreenRelease
from infra.slo import canary
from rollout import evidence, moves
from rollout.evidence import Decision
from rollout.journal import now

if TYPE_CHECKING:
    import datetime as dt

    from infra.releases import Release
    from infra.settings import Service
    from rollout.evidence import Verdict
    from rollout.evidence.prometheus import Prometheus

_ALL = 100  # per cent


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Which slots are compared.

    Attributes:
        newer: the slot of the version that is released.
        reference: the slot that it is compared with.
        guarded_only: whether the other slot has no requests, so that only the objective can be held against the newer.
    """

    newer: str
    reference: str
    guarded_only: bool


def compared(deployed: Release, *, switched: bool | None) -> Compared | None:
    """The slots to compare; None where the newer version has no requests, so that there is nothing to judge."""
    if isinstance(deployed, BlueGreenRelease):
        if not moves.has_switched(deployed, switched=switched):
            return None
        idle = moves.idle_name(deployed)
        newer = next(name for name, _ in deployed.slots() if name != idle)
        return Compared(newer=newer, reference=idle, guarded_only=True)
    if deployed.candidate is None or not deployed.candidate.weight:
        return None
    reference = routing.BASELINE if routing.baseline(deployed) else "stable"
    return Compared(newer="candidate", reference=reference, guarded_only=deployed.candidate.weight == _ALL)


def ask(
    prometheus: Prometheus, service: Service, slots: Compared, *, since: dt.datetime, released: dt.datetime | None
) -> Verdict:
    """Judge a step by what was seen of it since it began.

    Args:
        prometheus: who is asked.
        service: whose step it is.
        slots: which are compared.
        since: when the step began.
        released: when the newer version got its first requests; None where that is not known.

    Raises:
        RolloutError: Prometheus does not answer.
    """
    objective = canary.thresholds(service)
    seen = evidence.read(
        prometheus, service.name, slots.newer, slots.reference, since, now(), released=released, objective=objective
    )
    return evidence.judge(seen, objective=objective, limits=_limits(service.release))


def _limits(release: Release) -> evidence.Limits:
    if isinstance(release, BlueGreenRelease):
        return evidence.Limits()
    return evidence.Limits(agreement=release.agreement / _ALL)


def decision(verdict: Verdict, slots: Compared) -> Decision:
    """What to do: where nothing can be compared, a candidate that keeps the service's promises may go on."""
    if slots.guarded_only and verdict.decision is Decision.HOLD:
        return Decision.ADVANCE
    return verdict.decision
