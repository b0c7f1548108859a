"""The verdict on a step: advance, hold or roll back, each with its numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rollout.evidence.assess import assess
from rollout.evidence.limits import Limits, Metric
from rollout.evidence.verdict import Decision, MetricVerdict, Verdict
from rollout.evidence.wording import TITLES, amount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rollout.evidence.assessment import Assessment
    from rollout.evidence.observations import Observations, PageWindows

    Looks = NDArray[np.int64]

_NOT_COMPARED: Final = Decision.NOT_COMPARED
_TOO_MANY: Final = 100.0
"""More than so many times the requests so far: that is not worth a wait."""


def judge(seen: Observations, *, objective: Mapping[str, Any], limits: Limits | None = None) -> Verdict:
    """Judge a step by all that was seen of it until now; ``objective`` is ``infra.slo.thresholds(service)``.

    It may be asked as often as one likes: two equal versions are taken back with a probability of 5 % at most, over all
    metrics and all looks together.
    """
    intervals = len(seen.candidate.requests)
    if intervals == 0:
        return _verdict(seen, [], 0, objective)
    looks = np.array([intervals - 1])
    return judge_at(seen, looks=looks, objective=objective, limits=limits)[0]


def judge_at(
    seen: Observations, *, looks: Looks, objective: Mapping[str, Any], limits: Limits | None = None
) -> list[Verdict]:
    """The verdicts of ``judge`` at each of several looks (indices of the last interval that was known then)."""
    budget = float(objective["availability"]["budget_ratio"])
    assessed = assess(seen, looks=looks, budget=budget, limits=limits or Limits())
    return [_verdict(seen, assessed, position, objective) for position in range(len(looks))]


def _verdict(seen: Observations, assessed: Sequence[Assessment], at: int, objective: Mapping[str, Any]) -> Verdict:
    metrics = _with_roles(tuple(_metric(one, at) for one in assessed))
    broken, excused = _pages(seen.pages)
    requests = (int(assessed[0].counted[0][at]), int(assessed[0].counted[1][at])) if assessed else (0, 0)
    least = int(objective["availability"]["minimum_requests"])
    decision, reason = _decision(metrics, broken, excused, missing=least - requests[0])
    needed = _needed(metrics, missing=least - requests[0]) if decision is Decision.HOLD else None
    return Verdict(
        decision=decision,
        reason=reason,
        metrics=metrics,
        guard=broken,
        requests=sum(requests),
        needed_requests=needed,
        reference_slot=seen.reference_slot,
    )


def _decision(
    metrics: tuple[MetricVerdict, ...], broken: tuple[str, ...], excused: tuple[str, ...], *, missing: int
) -> tuple[Decision, str]:
    worse = [one for one in metrics if one.decision is Decision.ROLLBACK]
    if broken or worse:
        return Decision.ROLLBACK, "; ".join((*broken, *(f"{TITLES[one.metric]}: {one.reason}" for one in worse)))
    if excused:
        return Decision.HOLD, "; ".join(excused)
    open_ones = [one for one in metrics if one.decisive and one.decision is Decision.HOLD]
    if not metrics:
        return Decision.HOLD, "nothing was measured yet"
    if open_ones:
        return Decision.HOLD, "; ".join(f"{TITLES[one.metric]}: {one.reason}" for one in open_ones)
    if missing > 0:
        return Decision.HOLD, f"the objective asks for {missing:,} more requests of the candidate"
    left_out = [f"{TITLES[one.metric]} not compared: {one.reason}" for one in metrics if one.decision is _NOT_COMPARED]
    return Decision.ADVANCE, "; ".join(("nothing is worse than its margin allows", *left_out))


def _needed(metrics: tuple[MetricVerdict, ...], *, missing: int) -> int | None:
    """Compared requests until all that is open may be settled; None where some of it cannot be."""
    open_ones = [one.needed_requests for one in metrics if one.decisive and one.decision is Decision.HOLD]
    known = [needed for needed in open_ones if needed is not None]
    return None if len(known) < len(open_ones) else max([*known, 2 * missing, 0])


def _with_roles(metrics: tuple[MetricVerdict, ...]) -> tuple[MetricVerdict, ...]:
    """An advance waits for one sort of evidence about the answers: mirrored requests, else feedback, else drift."""
    measured = {one.metric for one in metrics if one.estimate is not None}
    there = {one.metric for one in metrics}
    if Metric.AGREEMENT in there:
        silent = {Metric.ACCURACY, Metric.LABELS, Metric.CONFIDENCE}
    elif Metric.ACCURACY in measured:
        silent = {Metric.LABELS, Metric.CONFIDENCE}
    else:
        silent = {Metric.ACCURACY}
    return tuple(replace(one, decisive=one.metric not in silent) for one in metrics)


def _pages(pages: tuple[PageWindows, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Promises that the candidate breaks beyond the alerts' threshold, and those that the reference breaks as well."""
    broken, excused = list[str](), list[str]()
    for page in pages:
        if not (page.long.candidate > page.threshold and page.short.candidate > page.threshold):
            continue
        said = (
            f"{page.promise}: {page.long.candidate:.1%} of the candidate's requests are bad, over {page.threshold:.1%}"
        )
        if page.long.reference > page.threshold and page.short.reference > page.threshold:
            excused.append(f"{said}; but so are {page.long.reference:.1%} of the reference's")
        else:
            broken.append(said)
    return tuple(broken), tuple(excused)


def _metric(one: Assessment, at: int) -> MetricVerdict:
    requests = (int(one.counted[0][at]), int(one.counted[1][at]))
    if not one.comparable[at]:
        return MetricVerdict(
            metric=one.metric,
            decision=Decision.NOT_COMPARED,
            reason="the slots get too different shares of the requests, so their batches differ",
            requests=requests,
        )
    if not one.usable[at]:
        return MetricVerdict(
            metric=one.metric,
            decision=Decision.HOLD,
            reason="too few requests, users or minutes yet",
            requests=requests,
            needed_requests=2 * math.ceil(one.missing[at]) or None,
        )
    decision = Decision.ROLLBACK if one.rollback[at] else Decision.ADVANCE if one.advance[at] else Decision.HOLD
    needed = _more(one, at) if decision is Decision.HOLD else None
    return MetricVerdict(
        metric=one.metric,
        decision=decision,
        reason=_reason(one, at, decision, needed),
        estimate=float(one.estimate[at]),
        lower=_known(float(one.lower[at])),
        upper=_known(float(one.upper[at])),
        margin=float(one.margin[at]),
        two_sided=one.two_sided,
        candidate=float(one.candidate[at]),
        reference=float(one.reference[at]),
        requests=requests,
        needed_requests=needed,
    )


def _known(bound: float) -> float | None:
    """None for a bound that nothing is known of: so few users can never be so sure."""
    return bound if math.isfinite(bound) else None


def _more(one: Assessment, at: int) -> int | None:
    """Compared requests more, if widths shrink with their root and the estimate stays; None: at the edge."""
    so_far = float(one.counted[0][at] + one.counted[1][at])
    estimate, margin = abs(float(one.estimate[at])) if one.two_sided else float(one.estimate[at]), float(one.margin[at])
    up, down = float(one.upper[at] - one.estimate[at]), float(one.estimate[at] - one.lower[at])
    to_advance = (up / (margin - estimate)) ** 2 if estimate < margin else math.inf
    edge = margin if one.two_sided else 0.0
    to_rollback = (down / (estimate - edge)) ** 2 if estimate > max(margin / 2, edge) else math.inf
    times = min(to_advance, to_rollback)
    return math.ceil(so_far * max(times - 1, 0.01)) if times < _TOO_MANY else None


def _reason(one: Assessment, at: int, decision: Decision, needed: int | None) -> str:
    estimate, lower, upper, margin = (
        amount(one.metric, float(v[at])) for v in (one.estimate, one.lower, one.upper, one.margin)
    )
    if one.two_sided:
        moved = {Decision.ROLLBACK: f"moved by {estimate}, more than {margin}", Decision.ADVANCE: f"within {margin}"}
    else:
        moved = {
            Decision.ROLLBACK: f"worse by {estimate}, at least by {lower}",
            Decision.ADVANCE: f"worse by {upper} at most, {margin} is allowed",
        }
    if decision in moved:
        return moved[decision]
    more = "more may not settle it" if needed is None else f"about {needed:,} more compared requests"
    return f"{estimate}, between {lower} and {upper}; {more}"
