"""Which step each service's release is at: what it was, what it becomes, and by which step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra import release_states, releases
from rehearsal import report as form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.events import Step

_COMPONENT = "inferstack:kubernetes:ServiceRelease"


def steps_of(steps: Mapping[str, Step]) -> tuple[form.Release, ...]:
    """The step of each service, in the order of the engine's steps."""
    found = (step for step in steps.values() if step.type == _COMPONENT and step.change != "deleted")
    # A program of before rules of change tells nothing of them.
    return tuple(_release(step) for step in found if "wanted" in step.inputs)


def _release(step: Step) -> form.Release:
    previous = step.inputs.get("previous")
    return form.Release(
        service=step.name,
        step=step.inputs["step"],
        since=step.inputs["since"],
        previous=_words(previous) if previous else None,
        wanted=_words(step.inputs["wanted"]),
    )


def _words(state: Mapping[str, object]) -> str:
    return releases.describe(release_states.parse(state).release)
