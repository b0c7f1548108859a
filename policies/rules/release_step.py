"""Users meet a version in small numbers first, and there is always a way back: a release goes step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from policies.node import Node
from policies.release import COMPONENT, parse
from policies.release_steps import step
from policies.rule import Expectation, Resource, ResourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTHING = "nothing"


def _check(resource: Resource) -> Iterator[Expectation]:
    states = Node({name: resource.node[name].value for name in ("previous", "wanted")})
    previous, wanted = (
        parse(states["previous"].value) if states.known else None,
        parse(states["wanted"].value) if states.known else None,
    )
    name = _step(states.value) if states.known else None
    yield Expectation(
        holds=states.test(lambda _: name is not None),
        subject="wanted",
        must=f"be one step from what is deployed, {previous.describe() if previous else _NOTHING}",
        found=wanted.describe() if wanted else "no state of a release",
    )
    told = resource.node["step"]
    yield Expectation(
        holds=None if name is None else told.equals(name),
        subject="step",
        must=f"name the step between the two, {name}",
        found=told.show(),
    )


def _step(states: object) -> str | None:
    fields = cast("dict[str, Any]", states)
    before, after = parse(fields["previous"]), parse(fields["wanted"])
    if after is None or (before is None and fields["previous"] is not None):
        return None
    return step(before, after)


RULE = ResourceRule(
    name="release-step",
    title="A release is one allowed step from what is deployed.",
    remedy="write the next step into the stack file: `python -m rollout plan` prints it",
    applies=lambda token: token == COMPONENT,
    check=_check,
)
