"""The steps that lead from whatever is there to a state at rest, before a drill and after it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from drill.errors import DrillError
from infra.releases import Step, following
from infra.settings import BlueGreenRelease, CanaryRelease, Slot

if TYPE_CHECKING:
    from drill.project import Project
    from infra.releases import Release

_ALL = 100


def way(before: Release, wanted: Release) -> list[Release]:
    """The states, one step apart each, at whose end is what is wanted; empty where that is there.

    Args:
        before: what is deployed.
        wanted: a release at rest: of one slot.

    Raises:
        DrillError: what is wanted is under way itself.
    """
    if len(dict(wanted.slots())) != 1:
        raise DrillError("the stack file has a release under way; finish it before a drill: python -m rollout status")
    states = [before]
    states += _to_rest(before)
    [(_, resting)] = states[-1].slots()
    [(_, target)] = wanted.slots()
    if resting.version != target.version:
        states += _exchange(states[-1], target)
    states.append(wanted)
    return [after for earlier, after in itertools.pairwise(states) if earlier != after]


def go(project: Project, wanted: Release) -> None:
    """Step to a state at rest, with the settings of a drill: where the state is there already, they may not be."""
    project.make()
    for release in way(project.deployed(), wanted) or [wanted]:
        project.write(release)
        project.apply()


def at_rest(strategy: str, version: str, replicas: int) -> Release:
    """A release of one slot."""
    slot = Slot(version=version, replicas=replicas, weight=_ALL)
    if strategy == "blue_green":
        return BlueGreenRelease(strategy="blue_green", blue=slot)
    return CanaryRelease(strategy="canary", stable=slot)


def _to_rest(release: Release) -> list[Release]:
    """The older version alone for a canary; for colours the one that has the requests."""
    if isinstance(release, CanaryRelease):
        if release.candidate is None:
            return []
        stable = release.stable.model_copy(update={"weight": _ALL})
        return [release.model_copy(update={"stable": stable, "candidate": None})]
    return [each.release for each in following(release) if each.step is Step.FREE]


def _exchange(release: Release, target: Slot) -> list[Release]:
    """Another version without a candidate's steps: by way of two colours."""
    [(name, slot)] = release.slots()
    colours = at_rest("blue_green", slot.version, slot.replicas)
    if isinstance(release, BlueGreenRelease):
        colours = release
    else:
        name = "blue"
    idle = "green" if name == "blue" else "blue"
    new = Slot(version=target.version, replicas=slot.replicas, weight=0)
    prepared = colours.model_copy(update={idle: new})
    [switched] = [each.release for each in following(prepared) if each.step is Step.SWITCH]
    [freed] = [each.release for each in following(switched) if each.step is Step.FREE]
    return [colours, prepared, switched, freed]
