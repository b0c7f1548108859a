"""Which state of a release a command leads to: forward, back, or out of it; without doing anything.

The state machine (:mod:`infra.releases`) says what may follow; this says which of it a command means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version
from pydantic import ValidationError

from infra.releases import Step, describe, following, step_between
from infra.settings import BlueGreenRelease, CanaryRelease, Slot
from rollout.errors import ExitCode, RolloutError

if TYPE_CHECKING:
    from infra.releases import Release


def forward(deployed: Release | None, written: Release, *, switched: bool | None) -> Release:
    """The state that comes next.

    Args:
        deployed: what is; None where nothing is.
        written: what the stack file says. Where it is one step further already, that step is meant.
        switched: of two colours, whether traffic has gone to the new one already; None where nobody recorded it.

    Raises:
        RolloutError: the release is at its end, and nothing further is written.
        StepRefusedError: the stack file says something that is not one step away.
    """
    if deployed is None or step_between(deployed, written) is not Step.NOTHING:
        step_between(deployed, written)
        return written
    steps = {each.step: each.release for each in following(deployed)}
    order = (Step.ADVANCE, Step.PROMOTE)
    if isinstance(deployed, BlueGreenRelease):
        order = (Step.FREE,) if has_switched(deployed, switched=switched) else (Step.SWITCH,)
    for step in order:
        if step in steps:
            return steps[step]
    raise RolloutError(
        f"nothing is under way: {describe(deployed)}. To begin a release name its version: advance --version X.Y.Z",
        code=ExitCode.USAGE,
    )


def prepared(deployed: Release, version: str, *, replicas: int | None) -> Release:
    """The state with a version in the free slot, without requests.

    Args:
        deployed: what is.
        version: what the slot gets.
        replicas: how many; those of the slot that has the requests, where None.

    Raises:
        RolloutError: the version is written as none is, or the slot's version has requests.
        StepRefusedError: the release cannot be so.
    """
    active = next(slot for _, slot in deployed.slots() if slot.weight)
    name = idle_name(deployed)
    taken = dict(deployed.slots()).get(name)
    if taken and taken.weight:
        sentence = f"{name} is {taken.version} and has {taken.weight} % of the requests"
        raise RolloutError(f"{sentence}. Before another version: advance it to its end, or abort", code=ExitCode.USAGE)
    try:
        slot = Slot(version=version, replicas=active.replicas if replicas is None else replicas, weight=0)
    except ValidationError as error:
        [first, *_] = error.errors()
        key, allowed = ".".join(map(str, first["loc"])), first["msg"]
        raise RolloutError(f"{key}: {first['input']!r} is not allowed: {allowed}", code=ExitCode.USAGE) from None
    release = deployed.model_copy(update={name: slot})
    step_between(deployed, release)
    return release


def back(deployed: Release, *, switched: bool | None) -> Release:
    """The state in which the version that was good before has all requests; the same where no other is there."""
    if isinstance(deployed, CanaryRelease):
        wanted = Step.ROLLBACK if deployed.candidate and deployed.candidate.weight else Step.FREE
    else:
        wanted = Step.SWITCH if has_switched(deployed, switched=switched) else Step.FREE
    return next((each.release for each in following(deployed) if each.step is wanted), deployed)


def out(deployed: Release, *, switched: bool | None) -> tuple[Release, ...]:
    """The states, one after the other, at whose end the version that was good before is alone."""
    if isinstance(deployed, CanaryRelease):
        if deployed.candidate is None:
            return ()
        stable = deployed.stable.model_copy(update={"weight": 100})
        return (deployed.model_copy(update={"stable": stable, "candidate": None}),)
    if len(dict(deployed.slots())) == 1:
        return ()
    first = back(deployed, switched=switched)
    if len(dict(first.slots())) == 1:
        return (first,)
    freed = next(each.release for each in following(first) if each.step is Step.FREE)
    return (first, freed)


def idle_name(release: Release) -> str:
    """The slot of the other version: the candidate, or the colour without requests."""
    if isinstance(release, CanaryRelease):
        return "candidate"
    active = next(name for name, slot in release.slots() if slot.weight)
    return next(name for name in release.slot_names if name != active)


def has_switched(release: BlueGreenRelease, *, switched: bool | None) -> bool:
    """Whether the colour with the requests is the newer one: by the record, else by the versions."""
    slots = dict(release.slots())
    if len(slots) == 1:
        return False
    if switched is not None:
        return switched
    idle = idle_name(release)
    active = next(slot for name, slot in slots.items() if name != idle)
    try:
        return Version(active.version) > Version(slots[idle].version)
    except InvalidVersion:
        return True  # whichever is meant: a switch takes neither away
