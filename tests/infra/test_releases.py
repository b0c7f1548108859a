"""Which state of a release may follow which."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.releases import Release, Step, StepRefusedError, following, next_weight, step_between
from infra.settings import BlueGreenRelease, CanaryRelease, Slot

VERSIONS = st.sampled_from(["0.1.0", "0.2.0", "0.3.0"])
SLOTS = st.builds(Slot, version=VERSIONS, weight=st.sampled_from([0, 5, 50, 95, 100]), replicas=st.integers(0, 2))
STEPS = st.sets(st.integers(1, 99), max_size=4).map(lambda weights: (*sorted(weights), 100))


def _slot(version: str, weight: int, replicas: int = 2) -> Slot:
    return Slot(version=version, weight=weight, replicas=replicas)


def _canary(weight: int | None = None, *, stable: str = "0.1.0", candidate: str = "0.2.0") -> CanaryRelease:
    if weight is None:
        return CanaryRelease(strategy="canary", stable=_slot(stable, 100))
    return CanaryRelease(strategy="canary", stable=_slot(stable, 100 - weight), candidate=_slot(candidate, weight))


def _colours(*, blue: Slot | None = None, green: Slot | None = None) -> BlueGreenRelease:
    return BlueGreenRelease(strategy="blue_green", blue=blue, green=green)


BLUE, GREEN = _slot("0.1.0", 100), _slot("0.2.0", 0)


def _changes(before: Release) -> st.SearchStrategy[Release]:
    """Every kind of change that a person may write down, allowed or not."""
    slots = st.builds(
        Slot, version=VERSIONS, weight=st.sampled_from([0, 5, 20, 60, 80, 95, 100]), replicas=st.integers(0, 3)
    )
    if isinstance(before, CanaryRelease):
        written = st.builds(
            CanaryRelease,
            strategy=st.just("canary"),
            steps=st.just(before.steps),
            stable=slots,
            candidate=st.none() | slots,
        )
    else:
        written = st.builds(BlueGreenRelease, strategy=st.just("blue_green"), blue=slots, green=slots)
    # Few of those are allowed; those that are come from here.
    return written | st.sampled_from([each.release for each in following(before)] or [before])


@st.composite
def histories(draw: st.DrawFn) -> list[Release]:
    """States of a release that follow one another by allowed steps, from the first."""
    first: Release = (
        CanaryRelease(strategy="canary", steps=draw(STEPS), stable=_slot(draw(VERSIONS), 100))
        if draw(st.booleans())
        else _colours(blue=_slot(draw(VERSIONS), 100))
    )
    states = [first]
    for _ in range(draw(st.integers(0, 12))):
        before = states[-1]
        after = draw(_changes(before) | _prepared(before))
        try:
            step_between(before, after)
        except StepRefusedError:
            continue
        states.append(after)
    return states


def _prepared(before: Release) -> st.SearchStrategy[Release]:
    """The free slot filled."""
    if isinstance(before, CanaryRelease):
        filled = st.builds(_slot, VERSIONS, st.just(0), st.integers(1, 4))
        return filled.map(lambda slot: before.model_copy(update={"candidate": slot}))
    active = next(name for name, slot in before.slots() if slot.weight)
    filled = st.builds(_slot, VERSIONS, st.just(0), st.just(dict(before.slots())[active].replicas))
    idle = {"blue": "green", "green": "blue"}[active]
    return filled.map(lambda slot: before.model_copy(update={idle: slot}))


@settings(max_examples=50)  # each has up to twelve steps
@given(histories())
def test_weights_are_always_a_whole(states: list[Release]) -> None:
    """Whatever the sequence of steps, the weights of the slots sum to 100."""
    assert all(sum(slot.weight for _, slot in state.slots()) == 100 for state in states)


@settings(max_examples=50)  # each has up to twelve steps
@given(histories())
def test_no_slot_takes_requests_that_was_not_there_before(states: list[Release]) -> None:
    """A slot takes requests only with a version that it had in the state before, so that its pods can be ready.

    Promotion is the exception: stable gets the version that the candidate has run with all requests, and the route
    follows only when the new pods are ready.
    """
    for before, after in pairwise(states):
        if step_between(before, after) is Step.PROMOTE:
            continue
        old = {name: slot.version for name, slot in before.slots()}
        for name, slot in after.slots():
            assert not slot.weight or old.get(name) == slot.version


@settings(max_examples=50)  # each has up to twelve steps
@given(histories())
def test_no_slot_is_without_pods(states: list[Release]) -> None:
    """A slot has replicas, whether it takes requests now or may have to in the next step."""
    assert all(slot.replicas for state in states for _, slot in state.slots())


@settings(max_examples=50)  # each has up to twelve steps
@given(histories())
def test_one_version_changes_at_a_time(states: list[Release]) -> None:
    """One step never changes what two slots run."""
    for before, after in pairwise(states):
        old, new = dict(before.slots()), dict(after.slots())
        changed = [name for name in old.keys() & new.keys() if old[name].version != new[name].version]
        assert len(changed) <= 1


@settings(max_examples=50)  # each has up to twelve steps
@given(histories())
def test_rollback_is_one_step_away(states: list[Release]) -> None:
    """While two versions are there, one allowed step leads all requests to the one that was good before."""
    state = states[-1]
    if isinstance(state, CanaryRelease) and state.candidate:
        back = [
            each.release
            for each in following(state)
            if each.step in (Step.ROLLBACK, Step.FREE) and dict(each.release.slots())["stable"].weight == 100
        ]
        assert [dict(release.slots())["stable"].version for release in back] == [state.stable.version]
    elif isinstance(state, BlueGreenRelease) and len(dict(state.slots())) == 2:
        idle = next(name for name, slot in state.slots() if not slot.weight)
        turned = [each.release for each in following(state) if each.step is Step.SWITCH]
        assert [dict(release.slots())[idle].weight for release in turned] == [100]


@settings(max_examples=50)  # each has up to twelve steps
@given(histories())
def test_each_following_state_is_one_allowed_step(states: list[Release]) -> None:
    """What is offered as a next state is one, by the very check that refuses the others."""
    for each in following(states[-1]):
        assert step_between(states[-1], each.release) is each.step


@given(
    st.builds(CanaryRelease, strategy=st.just("canary"), stable=SLOTS, candidate=st.none() | SLOTS)
    | st.builds(BlueGreenRelease, strategy=st.just("blue_green"), blue=SLOTS, green=st.none() | SLOTS)
)
def test_each_state_has_a_way_out(before: Release) -> None:
    """Whatever was deployed, sound or not, one step leads to a sound state, with a version that is there."""
    assert isinstance(before, CanaryRelease | BlueGreenRelease)
    ways = following(before)
    assert ways or (isinstance(before, CanaryRelease) and before.candidate is None) or len(dict(before.slots())) == 1
    for way in ways:
        assert {slot.version for _, slot in way.release.slots()} <= {slot.version for _, slot in before.slots()}
        assert step_between(way.release, way.release) is Step.NOTHING


@given(STEPS)
def test_a_canary_climbs_its_steps_and_ends_as_stable(steps: tuple[int, ...]) -> None:
    """From 0 through each step to 100, then promoted: no step is left out, none comes twice."""
    release = CanaryRelease(strategy="canary", steps=steps, stable=_slot("0.1.0", 100), candidate=_slot("0.2.0", 0))
    climbed: list[int] = []
    while (weight := next_weight(release)) is not None:
        [advanced] = [each.release for each in following(release) if each.step is Step.ADVANCE]
        assert isinstance(advanced, CanaryRelease)
        climbed.append(weight)
        release = advanced
    [promoted] = [each.release for each in following(release) if each.step is Step.PROMOTE]
    assert tuple(climbed) == steps
    assert [(name, slot.version, slot.weight) for name, slot in promoted.slots()] == [("stable", "0.2.0", 100)]


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        (None, _canary(), Step.FIRST),
        (None, _colours(green=_slot("0.1.0", 100)), Step.FIRST),
        (_canary(), _canary(), Step.NOTHING),
        (_canary(), _canary().model_copy(update={"stable": _slot("0.1.0", 100, 5)}), Step.SCALE),
        (_canary(), _canary(0), Step.PREPARE),
        (_canary(0), _canary(0, candidate="0.3.0"), Step.PREPARE),
        (_canary(0), _canary(5), Step.ADVANCE),
        (_canary(40), _canary(100), Step.ADVANCE),
        (_canary(100), _canary(stable="0.2.0"), Step.PROMOTE),
        (_canary(20), _canary(0), Step.ROLLBACK),
        (_canary(100), _canary(), Step.ROLLBACK),
        # Somebody has written other steps meanwhile: they keep nobody from the way back.
        (_canary(20), _canary(0).model_copy(update={"steps": (20, 100)}), Step.ROLLBACK),
        (_canary(20), _canary().model_copy(update={"steps": (20, 100)}), Step.ROLLBACK),
        (_canary(0), _canary(), Step.FREE),
        (_colours(blue=BLUE), _colours(blue=BLUE, green=GREEN), Step.PREPARE),
        (
            _colours(blue=BLUE, green=GREEN),
            _colours(blue=_slot("0.1.0", 0), green=_slot("0.2.0", 100)),
            Step.SWITCH,
        ),
        (_colours(blue=BLUE, green=GREEN), _colours(blue=BLUE), Step.FREE),
        (_canary(), _colours(blue=BLUE), Step.CONVERT),
        (_colours(blue=_slot("0.1.0", 50), green=_slot("0.2.0", 50)), _colours(green=_slot("0.2.0", 100)), Step.MEND),
        (_canary(7), _canary(), Step.MEND),
        (_colours(blue=_slot("0.1.0", 0)), _canary(), Step.MEND),
    ],
)
def test_what_is_one_step(before: Release | None, after: Release, step: Step) -> None:
    """Each kind of step, by an example."""
    assert step_between(before, after) is step


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (None, _canary(0), "nothing is deployed yet. Allowed: one slot, with all requests"),
        (_canary(), _canary(stable="0.2.0"), "Allowed: a candidate of another version with weight 0"),
        (_canary(), _canary(5), "Allowed: a candidate of another version with weight 0"),
        (_canary(0), _canary(20), "Allowed: another candidate with weight 0, or advance to stable 0.1.0 at 95 %"),
        (_canary(5), _canary(40), "or rollback to stable 0.1.0 at 100 %, candidate 0.2.0 at 0 %"),
        (_canary(20), _canary(5), "is not one step from"),
        (_canary(20), _canary(20, candidate="0.3.0"), "is not one step from"),
        (_canary(40), _canary(stable="0.2.0"), "Allowed: advance to"),
        (_canary(100), _canary(stable="0.3.0"), "Allowed: promote to stable 0.2.0 at 100 %"),
        (_canary(5), _canary(7), "candidate has weight 7. Allowed: 0, 5, 20, 40, 100"),
        (_canary(5), _canary(20).model_copy(update={"steps": (20, 100)}), "is not one step from"),
        (_canary(0), _canary(0).model_copy(update={"steps": (20, 100)}), "is not one step from"),
        (_canary(), _canary(0, candidate="0.1.0"), "stable and candidate are both 0.1.0"),
        (_canary(7), _canary(20), "Allowed: mend to stable 0.1.0 at 100 %, or mend to stable 0.2.0 at 100 %"),
        (_canary(7), _canary(stable="0.3.0"), "Allowed: mend to stable 0.1.0 at 100 %"),
        (_colours(blue=BLUE), _colours(green=_slot("0.2.0", 100)), "another version in the idle colour"),
        (
            _colours(blue=BLUE),
            _colours(blue=_slot("0.1.0", 0), green=_slot("0.2.0", 100)),
            "another version in the idle colour",
        ),
        (
            _colours(blue=BLUE),
            _colours(blue=BLUE, green=_slot("0.2.0", 0, 1)),
            "the colours have different replicas: blue 2 and green 1. Allowed: the same number",
        ),
        (
            _colours(blue=BLUE, green=GREEN),
            _colours(blue=_slot("0.1.0", 50), green=_slot("0.2.0", 50)),
            "Allowed: 0 or 100: a colour takes all or none",
        ),
        (_canary(5), _colours(blue=BLUE), "is not one step from"),
        (_canary(), _colours(blue=_slot("0.2.0", 100)), "is not one step from"),
        (
            _colours(blue=BLUE),
            _colours(blue=BLUE, green=_slot("0.1.0", 0)),
            "both colours are 0.1.0. Allowed: different versions",
        ),
    ],
)
def test_what_is_refused_and_what_is_said(before: Release | None, after: Release, sentence: str) -> None:
    """A skipped step, two changes at once, a weight that is none: said with what is allowed."""
    with pytest.raises(StepRefusedError, match=re.escape(sentence)):
        step_between(before, after)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ((90, 0), "the weights sum to 90. Allowed: 100"),
        ((0, 100), "stable has no replicas. Allowed: 1 or more, or no such slot"),
    ],
)
def test_states_that_no_release_may_be_in(weights: tuple[int, int], sentence: str) -> None:
    """Whatever came before."""
    stable, candidate = weights
    release = CanaryRelease(
        strategy="canary",
        stable=_slot("0.1.0", stable, 0 if stable == 0 else 2),
        candidate=_slot("0.2.0", candidate),
    )
    with pytest.raises(StepRefusedError, match=re.escape(sentence)):
        step_between(None, release)
