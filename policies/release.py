"""A service's release as rules see it: the component's properties, which hold the states before and after.

The program has a state machine of its own (infra.releases), and tests hold the two to the same answers. This one is
here because a pull request is judged by the rules of the branch that it would be merged into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPONENT: Final = "inferstack:kubernetes:ServiceRelease"
NAMES: Final = {"canary": ("stable", "candidate"), "blue_green": ("blue", "green")}
ALL: Final = 100  # per cent


@dataclass(frozen=True)
class Slot:
    """A running version."""

    version: str
    replicas: int
    weight: int


@dataclass(frozen=True)
class State:
    """A state of a release.

    Attributes:
        strategy: ``canary`` or ``blue_green``.
        slots: those that are filled.
        steps: the weights of a canary's candidate, one after the other.
        served: versions that get requests, or have got some since they were put there.
        rest: whatever else the stack file says of the release.
    """

    strategy: str
    slots: Mapping[str, Slot]
    steps: tuple[int, ...]
    served: frozenset[str]
    rest: Mapping[str, object]

    @property
    def versions(self) -> frozenset[str]:
        """What its slots run."""
        return frozenset(slot.version for slot in self.slots.values())

    def describe(self) -> str:
        """The state in words: ``stable 0.1.0 at 80 %, candidate 0.2.0 at 20 %``."""
        return ", ".join(f"{name} {slot.version} at {slot.weight} %" for name, slot in self.slots.items())


def parse(value: object) -> State | None:
    """Read a state from plain data; None where it is none."""
    if not isinstance(value, dict):
        return None
    fields = dict(cast("Mapping[str, Any]", value))
    strategy, slots = fields.pop("strategy", None), fields.pop("slots", None)
    names = NAMES.get(strategy) if isinstance(strategy, str) else None
    steps, served = fields.pop("steps", []), fields.pop("served", [])
    if names is None or not isinstance(slots, dict) or not _is_list_of(steps, int) or not _is_list_of(served, str):
        return None
    found = {name: _slot(cast("Mapping[str, object]", slots).get(name)) for name in names if name in slots}
    filled = {name: slot for name, slot in found.items() if slot is not None}
    if len(filled) != len(cast("Mapping[str, object]", slots)) or not filled:
        return None
    if strategy == "canary" and "stable" not in filled:
        return None
    return State(
        strategy=strategy, slots=filled, steps=tuple(steps), served=frozenset(cast("list[str]", served)), rest=fields
    )


def _slot(value: object) -> Slot | None:
    match value:
        case {"version": str(version), "replicas": int(replicas), "weight": int(weight)} if not isinstance(
            replicas, bool
        ) and not isinstance(weight, bool):
            return Slot(version, replicas, weight)
        case _:
            return None


def _is_list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in cast("list[object]", value))
