"""Verdicts: the right one for what was seen, the same at each look as at once, and readable."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from rich.console import Console

from rollout.evidence import Decision, Limits, Metric, judge
from rollout.evidence.judging import judge_at
from rollout.evidence.observations import PageWindows, Window
from rollout.evidence.simulation.releases import release
from rollout.evidence.simulation.scenario import OBJECTIVE, WORSE, Scenario

if TYPE_CHECKING:
    from rollout.evidence import MetricVerdict, Observations, Verdict
    from rollout.evidence.observations import SlotCounts


def of(verdict: Verdict, metric: Metric) -> MetricVerdict:
    """One metric's part of a verdict."""
    return next(one for one in verdict.metrics if one.metric is metric)


def until(seen: Observations, minutes: int) -> Observations:
    """What was known after so many minutes."""

    def cut(side: SlotCounts) -> SlotCounts:
        return replace(
            side,
            texts={label: counts[:minutes] for label, counts in side.texts.items()},
            **{
                name: getattr(side, name)[:minutes]
                for name in ("requests", "errors", "log_seconds", "tokens", "confidence", "right", "wrong")
            },
        )

    mirrored = seen.mirrored
    if mirrored is not None:
        mirrored = replace(
            mirrored, comparisons=mirrored.comparisons[:minutes], agreements=mirrored.agreements[:minutes]
        )
    return replace(seen, candidate=cut(seen.candidate), reference=cut(seen.reference), mirrored=mirrored)


@pytest.fixture(scope="module")
def equal() -> Observations:
    """Two equal versions, an hour."""
    return release(Scenario(), seed=1)


def test_equal_versions_advance(equal: Observations) -> None:
    """Two equal versions advance after an hour, with a number for each thing that is judged."""
    verdict = judge(equal, objective=OBJECTIVE)
    assert verdict.decision is Decision.ADVANCE
    assert {one.metric for one in verdict.metrics} == set(Metric)
    assert all(one.upper is not None and one.upper < (one.margin or 0) for one in verdict.metrics if one.decisive)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("errors doubled", Metric.ERRORS),
        ("latency +30 %", Metric.LATENCY),
        ("agreement -5 points", Metric.AGREEMENT),
    ],
)
def test_worse_versions_are_taken_back_for_their_fault(name: str, metric: Metric) -> None:
    """Each fault is found, is the reason that is given, and its size lies between its bounds."""
    scenario = WORSE[name]
    verdict = judge(release(scenario, seed=1), objective=OBJECTIVE, limits=Limits(agreement=scenario.agreement))
    assert verdict.decision is Decision.ROLLBACK
    assert [one.metric for one in verdict.metrics if one.decision is Decision.ROLLBACK] == [metric]
    found, loss = of(verdict, metric), {"errors doubled": 0.01, "latency +30 %": math.log(1.3)}.get(name, 0.05)
    assert found.lower is not None
    assert found.upper is not None
    assert 0 < found.lower < loss < found.upper


def test_each_look_says_what_judge_says(equal: Observations) -> None:
    """Simulations look at all minutes at once: at each of them the verdict is the one of judge() at that time."""
    looks = [0, 2, 7, 59]
    for look, verdict in zip(looks, judge_at(equal, looks=np.array(looks), objective=OBJECTIVE), strict=True):
        alone = judge(until(equal, look + 1), objective=OBJECTIVE)
        assert (alone.decision, alone.requests) == (verdict.decision, verdict.requests)
        for a, b in zip(alone.metrics, verdict.metrics, strict=True):
            assert a.decision is b.decision
            assert a.lower is b.lower or a.lower == pytest.approx(b.lower, rel=1e-6, abs=1e-9)


def test_too_early_is_held_with_how_much_more(equal: Observations) -> None:
    """After two minutes nothing is decided, and it is said how many requests more may settle it."""
    verdict = judge(until(equal, 2), objective=OBJECTIVE)
    assert verdict.decision is Decision.HOLD
    assert of(verdict, Metric.ERRORS).needed_requests
    assert "more compared requests" in verdict.reason


def test_nothing_seen_is_held(equal: Observations) -> None:
    """Before the first minute, and while nobody asks anything: hold, no division by nothing."""
    assert judge(until(equal, 0), objective=OBJECTIVE).decision is Decision.HOLD
    silent = replace(
        equal,
        **{
            side: replace(
                getattr(equal, side),
                requests=np.zeros_like(equal.candidate.requests),
                errors=np.zeros_like(equal.candidate.requests),
                log_seconds=np.zeros_like(equal.candidate.requests),
            )
            for side in ("candidate", "reference")
        },
    )
    assert judge(silent, objective=OBJECTIVE).decision is Decision.HOLD


def test_a_broken_version_is_taken_back_at_once() -> None:
    """A version that fails every fifth request needs a minute or two, not an hour."""
    verdict = judge(until(release(Scenario(error_factor=20), seed=1), 2), objective=OBJECTIVE)
    assert verdict.decision is Decision.ROLLBACK
    assert verdict.requests < 800


def test_latency_of_unequal_slots_is_not_compared(equal: Observations) -> None:
    """Stable with ten times the candidate's requests has larger batches: its latency says nothing, and is not used."""
    tenfold = replace(
        equal.reference,
        requests=10 * equal.reference.requests,
        log_seconds=10 * equal.reference.log_seconds,
        tokens=10 * equal.reference.tokens,
    )
    verdict = judge(replace(equal, reference=tenfold, reference_slot="stable"), objective=OBJECTIVE)
    assert of(verdict, Metric.LATENCY).decision is Decision.NOT_COMPARED


@pytest.mark.parametrize(("reference", "decision"), [(0.01, Decision.ROLLBACK), (0.4, Decision.HOLD)])
def test_the_objective_is_guarded(equal: Observations, reference: float, decision: Decision) -> None:
    """A candidate beyond its own alerts' threshold goes back, unless the reference suffers as well: then one waits."""
    page = PageWindows(
        promise="availability",
        threshold=0.144,
        long_seconds=3600,
        long=Window(candidate=0.3, reference=reference),
        short=Window(candidate=0.3, reference=reference),
    )
    verdict = judge(replace(equal, pages=(page,)), objective=OBJECTIVE)
    assert verdict.decision is decision
    assert "30.0%" in verdict.reason


def test_a_verdict_can_be_read(equal: Observations) -> None:
    """As JSON without any infinity, as a table, and as a well-formed picture that names each metric."""
    for minutes in (3, 60):
        verdict = judge(until(equal, minutes), objective=OBJECTIVE)
        plain = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
        assert plain["decision"] == verdict.decision.value
        console = Console(width=140, record=True, quiet=True)
        console.print(verdict.table())
        picture = "".join(ET.fromstring(verdict.svg()).itertext())  # noqa: S314 - our own text
        for one in verdict.metrics:
            assert one.metric.value in picture
