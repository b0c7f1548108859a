"""The rules' state machine of releases and the program's own say the same."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.release_states import State
from infra.releases import Release, Step, StepRefusedError, following, step_between
from infra.settings import BlueGreenRelease, CanaryRelease, Slot
from policies.release import parse
from policies.release_steps import step

if TYPE_CHECKING:
    from collections.abc import Callable

VERSIONS = ("0.1.0", "0.2.0", "0.3.0")
SLOTS = st.builds(
    Slot, version=st.sampled_from(VERSIONS), weight=st.sampled_from([0, 5, 50, 95, 100]), replicas=st.integers(0, 2)
)
STEPS = st.sampled_from([(5, 50, 100), (50, 100), (100,)])


@st.composite
def _any_state(draw: st.DrawFn) -> Release:
    """Whatever the settings allow, sound or not."""
    if draw(st.booleans()):
        stable, candidate = draw(SLOTS), draw(st.none() | SLOTS)
        if draw(st.integers(0, 3)):
            stable = stable.model_copy(update={"weight": 100 - (candidate.weight if candidate else 0)})
        mirror = draw(st.sampled_from([0, 10]))
        return CanaryRelease(strategy="canary", steps=draw(STEPS), mirror=mirror, stable=stable, candidate=candidate)
    blue, green = draw(SLOTS), draw(st.none() | SLOTS)
    if green and draw(st.integers(0, 3)):
        green = green.model_copy(update={"weight": 100 - blue.weight, "replicas": blue.replicas})
    colours = (blue, green) if draw(st.booleans()) else (green, blue)
    return BlueGreenRelease(strategy="blue_green", blue=colours[0], green=colours[1])


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[Release | None, Release]:
    """Two states, often one change apart: few of any two are."""
    before = draw(st.none() | _any_state())
    if before is None or draw(st.integers(0, 3)) == 0:
        return before, draw(_any_state())
    steps = st.sampled_from([each.release for each in following(before)] or [before])
    changes: list[Callable[[], Release]] = [
        lambda: before,
        lambda: _with_a_slot_changed(draw, before),
        lambda: _with_a_slot_changed(draw, _with_a_slot_changed(draw, before)),
        lambda: draw(steps),
        lambda: _with_other_steps(draw, draw(steps)),
    ]
    return before, draw(st.sampled_from(changes))()


def _with_other_steps(draw: st.DrawFn, release: Release) -> Release:
    return release.model_copy(update={"steps": draw(STEPS)}) if isinstance(release, CanaryRelease) else release


def _with_a_slot_changed(draw: st.DrawFn, release: Release) -> Release:
    names = [name for name in release.slot_names if name != "stable"]
    name = draw(st.sampled_from(names))
    others = [slot for key, slot in release.slots() if key != name]
    return release.model_copy(update={name: draw(SLOTS if not others else st.none() | SLOTS)})


def _name(before: Release | None, after: Release) -> str | None:
    try:
        return str(step_between(before, after))
    except StepRefusedError:
        return None


def _seen(release: Release | None) -> object:
    return State(release=release, served=()).plain() if release else None


@settings(max_examples=400)
@given(_pairs())
def test_a_rule_names_the_step_that_the_program_names(pair: tuple[Release | None, Release]) -> None:
    """Over states sound and unsound, near to each other and far."""
    before, after = pair
    wanted = parse(_seen(after))
    assert wanted is not None
    assert step(parse(_seen(before)), wanted) == _name(before, after)


def _neighbourhood() -> list[Release]:
    """All sound states of two versions, small enough to try each with each, and some that are not sound."""
    slots = [
        None,
        *(Slot(version=version, weight=weight, replicas=1) for version in VERSIONS[:2] for weight in (0, 100)),
    ]
    blue_green = [
        BlueGreenRelease(strategy="blue_green", blue=blue, green=green)
        for blue, green in product(slots, slots)
        if blue or green
    ]
    canaries = [
        CanaryRelease(
            strategy="canary",
            steps=(5, 50, 100),
            stable=Slot(version=stable, weight=100 - weight, replicas=replicas),
            candidate=Slot(version=candidate, weight=weight, replicas=1) if candidate else None,
        )
        for stable, candidate, weight, replicas in product(VERSIONS[:2], (None, *VERSIONS), (0, 5, 50, 100), (1, 2))
        if candidate or not weight
    ]
    return [*blue_green, *canaries]


def test_they_agree_on_every_step_there_is() -> None:
    """Each state with each: every kind of step is among them, and both machines name it alike."""
    states = [(release, parse(_seen(release))) for release in _neighbourhood()]
    seen = set[str | None]()
    for (before, old), (after, new) in product([(None, None), *states], states):
        name = _name(before, after)
        assert new is not None
        assert step(old, new) == name, (before, after)
        seen.add(name)
    assert seen == {None, *Step}
