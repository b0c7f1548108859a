"""What a drill plays: a release that goes well, two colours, and versions that are bad on purpose."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drill import versions
from drill.project import REPLICAS
from drill.way_back import at_rest
from infra.releases import Step, following
from infra.settings import BlueGreenRelease, CanaryRelease, Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from drill.answers import Answer
    from drill.faults import Fault
    from drill.project import Project
    from drill.running import Scenario
    from infra.releases import Release

GOOD, NEXT = "0.1.0", "0.2.0"
# A tenth of the users is enough to compare answers, and their requests cost three predictions.
_MIRROR = 10
_STEPS = (5, 20, 40, 100)
# A large step, so that evidence comes in minutes.
_BAD_STEPS = (20, 100)


def canary(version: str, steps: tuple[int, ...] = _STEPS) -> CanaryRelease:
    """The state before a canary release in a drill."""
    stable = Slot(version=version, replicas=REPLICAS, weight=100)
    return CanaryRelease(strategy="canary", steps=steps, pause_minutes=0, mirror=_MIRROR, stable=stable)


def prepared(release: CanaryRelease, version: str) -> CanaryRelease:
    """The same with a candidate without requests."""
    return release.model_copy(update={"candidate": Slot(version=version, replicas=REPLICAS, weight=0)})


def after(release: Release, step: Step) -> Release:
    """The state that a step leads to."""
    return next(each.release for each in following(release) if each.step is step)


def play_canary(scenario: Scenario) -> None:
    """0.2.0 takes all requests of 0.1.0, step by step, and becomes stable; in each step a pod of each slot goes."""
    state: Release = prepared(canary(GOOD), NEXT)
    moves = [Step.ADVANCE] * len(_STEPS) + [Step.PROMOTE]
    share = scenario.options.seconds / (len(moves) + 1)
    scenario.step(state, "advance", "--version", NEXT)
    scenario.dwell(state, share)
    for number, move in enumerate(moves, start=2):
        state = after(state, move)
        scenario.step(state, "advance")
        scenario.dwell(state, share * number, delete=True)


def play_blue_green(scenario: Scenario) -> None:
    """All requests go from one colour to the other, back, and over again; then the old colour goes."""
    first = at_rest("blue_green", NEXT, REPLICAS)
    assert isinstance(first, BlueGreenRelease)  # noqa: S101  # at_rest gives what it is asked for
    green = Slot(version=GOOD, replicas=REPLICAS, weight=0)
    state: Release = first.model_copy(update={"green": green})
    moves = (
        (Step.SWITCH, "advance"),
        (Step.SWITCH, "rollback"),
        (Step.SWITCH, "advance"),
        (Step.FREE, "advance"),
    )
    share = scenario.options.seconds / (len(moves) + 2)
    scenario.apply(first)
    scenario.step(state, "advance", "--version", GOOD)
    scenario.dwell(state, share * 2)
    for number, (move, command) in enumerate(moves, start=3):
        state = after(state, move)
        scenario.step(state, command)
        scenario.dwell(state, share * number, delete=True)


def bad(fault: Fault) -> Callable[[Scenario], None]:
    """A version with a fault gets requests until evidence says so, and is taken back."""

    def play(scenario: Scenario) -> None:
        version = versions.bad_version(NEXT, fault)
        quiet = canary(NEXT, _BAD_STEPS)
        ready = prepared(quiet, version)
        state = after(ready, Step.ADVANCE)
        back = after(state, Step.ROLLBACK)
        share = scenario.options.seconds / 6
        scenario.step(ready, "advance", "--version", version)
        scenario.dwell(ready, share)
        scenario.step(state, "advance")
        begun = time.time()
        scenario.watch(state, back)
        scenario.times |= taken_back(scenario.project, scenario.answers.read(), version, begun=begun)
        scenario.dwell(back, time.time() - scenario.begun + share)
        scenario.step(quiet, "abort")
        scenario.dwell(quiet, scenario.options.seconds, delete=True)

    return play


def taken_back(project: Project, answers: Iterable[Answer], version: str, *, begun: float) -> dict[str, float]:
    """How long a bad version took: to the verdict, and from there until nobody was answered by it."""
    verdict = project.rolled_back(since=begun)
    last = max((answer.at for answer in answers if answer.version == version), default=begun)
    return {} if verdict is None else {"to_verdict": verdict - begun, "verdict_to_restored": max(0.0, last - verdict)}


SCENARIOS: dict[str, tuple[CanaryRelease, Fault | None, Callable[[Scenario], None]]] = {
    "canary": (canary(GOOD), None, play_canary),
    "errors": (canary(NEXT, _BAD_STEPS), "errors", bad("errors")),
    "latency": (canary(NEXT, _BAD_STEPS), "latency", bad("latency")),
    "wrong": (canary(NEXT, _BAD_STEPS), "wrong", bad("wrong")),
    "blue_green": (canary(NEXT), None, play_blue_green),
}
"""By name: the state before, the fault of the bad version, what is played."""
