"""Which state of a release may follow which: a state machine over the release in the stack file, without Pulumi.

A release is a pair of slots with versions and weights. One step changes one thing: it fills a slot, moves traffic,
empties a slot. Whatever the state, one step leads all traffic back to the version that was good before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from infra.settings import BlueGreenRelease, CanaryRelease, Slot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Release = CanaryRelease | BlueGreenRelease
_ALL = 100  # per cent


class Step(StrEnum):
    """What one change of a release does."""

    NOTHING = "nothing"
    FIRST = "first"
    SCALE = "scale"
    PREPARE = "prepare"
    ADVANCE = "advance"
    PROMOTE = "promote"
    SWITCH = "switch"
    ROLLBACK = "rollback"
    FREE = "free"
    CONVERT = "convert"
    MEND = "mend"


class StepRefusedError(ValueError):
    """A change that is no step; the message says what is wrong and which steps there are."""


@dataclass(frozen=True, kw_only=True)
class Following:
    """A state that may come next, with the replicas that are there now."""

    step: Step
    release: Release


def step_between(before: Release | None, after: Release) -> Step:
    """Name the one step that leads from a state to another.

    Args:
        before: what is deployed; None where nothing is.
        after: what is wanted.

    Raises:
        StepRefusedError: no single step does, or ``after`` is no state that a release may be in.
    """
    if problem := _problem(after):
        raise StepRefusedError(problem)
    if before is None:
        if _at_rest(after) is None:
            raise StepRefusedError("nothing is deployed yet. Allowed: one slot, with all requests")
        return Step.FIRST
    if _traffic(before) == _traffic(after):
        return Step.NOTHING if before == after else Step.SCALE
    match before, after:
        case _ if _problem(before):
            # Deployed before there were rules, or by another hand: whatever it is, it must be possible to leave it.
            step = Step.MEND if _mends(before, after) else None
        case CanaryRelease(), CanaryRelease():
            step = _canary(before, after)
        case BlueGreenRelease(), BlueGreenRelease():
            step = _blue_green(before, after)
        case _:
            step = Step.CONVERT if _at_rest(before) and _version_at_rest(before) == _version_at_rest(after) else None
    if step is None:
        raise StepRefusedError(_refusal(before, after))
    return step


def following(before: Release) -> tuple[Following, ...]:
    """The states that move traffic, free a slot or mend a state, one step away.

    What fills a slot names a version, and is not among them.
    """
    if _problem(before):
        wanted = _mended_states(before)
    else:
        wanted = _canary_states(before) if isinstance(before, CanaryRelease) else _blue_green_states(before)
    return tuple(Following(step=step_between(before, release), release=release) for release in wanted)


def _problem(release: Release) -> str | None:
    """Why a release cannot be in that state, whatever came before."""
    slots = dict(release.slots())
    if (total := sum(slot.weight for slot in slots.values())) != _ALL:
        return f"the weights sum to {total}. Allowed: {_ALL}"
    for name, slot in slots.items():
        # One that gets no requests may be the next to get them all.
        if not slot.replicas:
            return f"{name} has no replicas. Allowed: 1 or more, or no such slot"
    match release:
        case BlueGreenRelease():
            return _problem_of_colours(slots)
        case CanaryRelease(candidate=Slot() as candidate):
            return _problem_of_canary(release, candidate)
        case _:
            return None


def _mends(before: Release, after: Release) -> bool:
    """Whether all requests go to a version that is there."""
    slot = _at_rest(after)
    return slot is not None and slot.version in {slot.version for _, slot in before.slots()}


def _problem_of_colours(slots: Mapping[str, Slot]) -> str | None:
    for name, slot in slots.items():
        if slot.weight not in (0, _ALL):
            return f"{name} has weight {slot.weight}. Allowed: 0 or {_ALL}: a colour takes all or none"
    if len({slot.replicas for slot in slots.values()}) > 1:
        # Whichever is idle may have to take over at once.
        sizes = " and ".join(f"{name} {slot.replicas}" for name, slot in slots.items())
        return f"the colours have different replicas: {sizes}. Allowed: the same number"
    if len(slots) > 1 and len({slot.version for slot in slots.values()}) == 1:
        return f"both colours are {next(iter(slots.values())).version}. Allowed: different versions"
    return None


def _problem_of_canary(release: CanaryRelease, candidate: Slot) -> str | None:
    if candidate.version == release.stable.version:
        return f"stable and candidate are both {candidate.version}. Allowed: different versions"
    if candidate.weight not in (0, *release.steps):
        return f"candidate has weight {candidate.weight}. Allowed: {', '.join(map(str, (0, *release.steps)))}"
    return None


def _canary(before: CanaryRelease, after: CanaryRelease) -> Step | None:
    old, new = before.candidate, after.candidate
    same_steps = old is None or before.steps == after.steps
    if before.stable.version != after.stable.version:
        promoted = old is not None and old.weight == _ALL and old.version == after.stable.version
        return Step.PROMOTE if promoted and new is None and same_steps else None
    if new is None:
        return Step.ROLLBACK if old is not None and old.weight else Step.FREE
    if old is not None and old.weight and old.version == new.version and not new.weight:
        return Step.ROLLBACK
    # A release goes forward by the steps that it began with; the way back is open whatever they are.
    if not same_steps:
        return None
    if old is None or old.version != new.version:
        takes_nothing = new.weight == 0 and (old is None or old.weight == 0)
        return Step.PREPARE if takes_nothing else None
    return Step.ADVANCE if new.weight == next_weight(before) else None


def next_weight(release: CanaryRelease) -> int | None:
    """The candidate's weight after the next step; None when it has all requests, or is not there."""
    if release.candidate is None:
        return None
    return next((weight for weight in release.steps if weight > release.candidate.weight), None)


def _blue_green(before: BlueGreenRelease, after: BlueGreenRelease) -> Step | None:
    old, new = dict(before.slots()), dict(after.slots())
    active = _active(before)
    idle = next(name for name in BlueGreenRelease.slot_names if name != active)
    if active not in new or new[active].version != old[active].version:
        return None
    if new[active].weight == _ALL:
        if idle not in new:
            return Step.FREE
        return Step.PREPARE
    was_there = idle in old and old[idle].version == new[idle].version
    return Step.SWITCH if was_there else None


def _active(release: BlueGreenRelease) -> str:
    return next(name for name, slot in release.slots() if slot.weight == _ALL)


def _canary_states(before: CanaryRelease) -> Iterator[CanaryRelease]:
    candidate = before.candidate
    if candidate is None:
        return
    if (weight := next_weight(before)) is not None:
        yield _weighted(before, candidate, weight)
    if candidate.weight == _ALL:
        promoted = before.stable.model_copy(update={"version": candidate.version, "weight": _ALL})
        yield before.model_copy(update={"stable": promoted, "candidate": None})
    if candidate.weight:
        yield _weighted(before, candidate, 0)
    else:
        yield before.model_copy(update={"candidate": None})


def _mended_states(before: Release) -> Iterator[Release]:
    slots = dict(before.slots())
    replicas = max(1, *(slot.replicas for slot in slots.values()))
    alone = {
        name: slot.model_copy(update={"weight": _ALL, "replicas": slot.replicas or replicas})
        for name, slot in slots.items()
    }
    if isinstance(before, CanaryRelease):
        for slot in dict.fromkeys(alone.values()):
            yield before.model_copy(update={"stable": slot, "candidate": None})
    else:
        for name, slot in alone.items():
            yield before.model_copy(update=dict.fromkeys(BlueGreenRelease.slot_names) | {name: slot})


def _weighted(release: CanaryRelease, candidate: Slot, weight: int) -> CanaryRelease:
    return release.model_copy(
        update={
            "stable": release.stable.model_copy(update={"weight": _ALL - weight}),
            "candidate": candidate.model_copy(update={"weight": weight}),
        }
    )


def _blue_green_states(before: BlueGreenRelease) -> Iterator[BlueGreenRelease]:
    slots, active = dict(before.slots()), _active(before)
    for idle in slots.keys() - {active}:
        turned = {active: slots[active].model_copy(update={"weight": 0})}
        yield before.model_copy(update=turned | {idle: slots[idle].model_copy(update={"weight": _ALL})})
        yield before.model_copy(update={idle: None})


def _traffic(release: Release) -> tuple[object, ...]:
    """All of a state but its replicas."""
    steps = release.steps if isinstance(release, CanaryRelease) and release.candidate else ()
    slots = tuple((name, slot.version, slot.weight) for name, slot in release.slots())
    return (release.strategy, steps, slots)


def _at_rest(release: Release) -> Slot | None:
    """The one slot of a release that has no other."""
    slots = [slot for _, slot in release.slots()]
    return slots[0] if len(slots) == 1 else None


def _version_at_rest(release: Release) -> str | None:
    slot = _at_rest(release)
    return slot.version if slot else None


def _refusal(before: Release, after: Release) -> str:
    return f"{describe(after)} is not one step from {describe(before)}. Allowed: {', or '.join(_allowed(before))}"


def _allowed(before: Release) -> Iterator[str]:
    match before:
        case _ if _problem(before):
            pass
        case CanaryRelease(candidate=None):
            yield "a candidate of another version with weight 0"
        case CanaryRelease(candidate=Slot(weight=0)):
            yield "another candidate with weight 0"
        case CanaryRelease():
            pass
        case BlueGreenRelease():
            yield "another version in the idle colour, with weight 0 and the same replicas"
    for each in following(before):
        yield f"{each.step} to {describe(each.release)}"


def describe(release: Release) -> str:
    """A state in words: ``stable 0.1.0 at 80 %, candidate 0.2.0 at 20 %``."""
    return ", ".join(f"{name} {slot.version} at {slot.weight} %" for name, slot in release.slots())
