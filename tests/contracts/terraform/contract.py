"""The whole run: all stacks at once, so that they wait for the slow resources together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.contracts.terraform import on_moto
from tests.contracts.terraform.differences import Difference, differences
from tests.contracts.terraform.terraform import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.contracts.terraform.world import World


@dataclass(kw_only=True)
class Outcome:
    """What the real provider said of the stacks.

    Attributes:
        validated: what it refused without an account.
        planned: what it refused to plan.
        failed: what could not be applied to moto.
        again: what a second plan would change.
        state: after the first apply, as Terraform keeps it.
        destroyed: what could not be deleted.
        seconds: what each step took.
    """

    validated: list[Refusal] = field(default_factory=list[Refusal])
    planned: list[Refusal] = field(default_factory=list[Refusal])
    failed: list[Refusal] = field(default_factory=list[Refusal])
    again: list[Difference] = field(default_factory=list[Difference])
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])
    destroyed: list[Refusal] = field(default_factory=list[Refusal])
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def applied(self) -> set[str]:
        """The addresses of what was created on moto."""
        return {
            f"{resource['type']}.{resource['name']}"
            for resource in self.state.get("resources", ())
            if resource["mode"] == "managed"
        }


def run(world: World, folder: Path) -> Outcome:
    """Validate, plan, apply, plan again, destroy.

    A step that the provider refuses is the last one.

    Args:
        world: the stacks, and where they go.
        folder: an empty one.
    """
    terraform = world.terraform(folder, providers={label for program in world.programs for label in program.providers})
    outcome = Outcome()

    def timed(name: str, step: Callable[[], list[Refusal]]) -> list[Refusal]:
        started = time.monotonic()
        refusals = step()
        outcome.seconds[name] = time.monotonic() - started
        return refusals

    for program in world.programs:
        terraform.write(program.stack, world.configuration(program))
    outcome.validated = timed("validate", terraform.validate)
    if outcome.validated:
        return outcome
    outcome.planned = timed("plan", terraform.plan)
    if outcome.planned:
        return outcome
    for program in world.programs:
        terraform.write(program.stack, on_moto.adapt(world.configuration(program), world.facts))
    outcome.failed = timed("apply", terraform.apply)
    outcome.state = terraform.state()
    refused_again = timed("plan again", terraform.plan)
    outcome.failed += refused_again
    if not refused_again:
        outcome.again = differences(terraform.planned())
    outcome.destroyed = timed("destroy", terraform.destroy)
    return outcome
