"""The states of a release as data, and the change from one to the next, without Pulumi."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from infra.releases import Release, Step, describe, step_between
from infra.settings import BlueGreenRelease, CanaryRelease

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class State:
    """A release that is deployed or wanted.

    Attributes:
        release: as the stack file says it.
        served: those of its versions that get requests or have got some since they were put there.
    """

    release: Release
    served: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """The state as data, from which :func:`parse` makes it again."""
        fields = self.release.model_dump(mode="json", exclude=set(self.release.slot_names))
        slots = {name: slot.model_dump(mode="json") for name, slot in self.release.slots()}
        return {**fields, "slots": slots, "served": list(self.served)}

    def versions(self) -> frozenset[str]:
        """What its slots run."""
        return frozenset(slot.version for _, slot in self.release.slots())

    def after(self, wanted: Release) -> State:
        """The state that follows with another release."""
        return _state(wanted, served=self.served)


@dataclass(frozen=True, kw_only=True)
class Change:
    """How the wanted state of a service comes from the one before; once it is reached, how it came.

    Attributes:
        previous: the state before; None where there was none.
        wanted: the stack file's.
        step: the one step between them.
        since: when the step was begun, in UTC.
        is_new: whether the step is yet to be made.
        proven: the versions that the stack before routed requests to when the step was begun; None where nobody asked.
    """

    previous: State | None
    wanted: State
    step: Step
    since: str
    is_new: bool
    proven: tuple[str, ...] | None = None

    def plain(self) -> dict[str, Any]:
        """The change as data, for rules and for the record."""
        previous = {"previous": self.previous.plain()} if self.previous else {}
        return {**previous, "wanted": self.wanted.plain(), "step": str(self.step), "since": self.since}

    def record(self) -> dict[str, Any]:
        """What is kept of the change when it is done: the state, and below ``last`` where it came from."""
        previous = {"previous": self.previous.plain()} if self.previous else {}
        proven = {} if self.proven is None else {"proven": list(self.proven)}
        return {**self.wanted.plain(), "last": {"step": str(self.step), "since": self.since, **previous, **proven}}

    def sentence(self) -> str:
        """The change in words: ``advance: from … to …``."""
        before = describe(self.previous.release) if self.previous else "nothing"
        return f"{self.step}: from {before} to {describe(self.wanted.release)}"


def parse(plain: Mapping[str, Any]) -> State:
    """Read a state from data: a stack file's, or a record's, less what another version of this program wrote there.

    Raises:
        ValueError: it is none.
    """
    kind = BlueGreenRelease if plain.get("strategy") == "blue_green" else CanaryRelease
    fields = {**plain, **plain.get("slots", {})}
    known = {key: _whole(value) for key, value in fields.items() if key in kind.model_fields}
    # JSON, as for a stack file: strict mode then takes lists for tuples.
    return _state(kind.model_validate_json(json.dumps(known)), served=plain.get("served", ()))


def change(known: Mapping[str, Any] | None, wanted: Release, *, now: datetime) -> Change:
    """The step from what is known of a service to what is wanted.

    Raises:
        StepRefusedError: there is none.
        ValueError: what is known cannot be read.
    """
    since = now.replace(microsecond=0).isoformat()
    if known is None:
        step = step_between(None, wanted)
        return Change(previous=None, wanted=_state(wanted, served=()), step=step, since=since, is_new=True)
    before = parse(known)
    if before.release == wanted and isinstance(last := known.get("last"), dict):
        return _as_it_came(before, last)  # pyright: ignore[reportUnknownArgumentType]  # a mapping of the record
    step = step_between(before.release, wanted)
    return Change(previous=before, wanted=before.after(wanted), step=step, since=since, is_new=True)


def _as_it_came(current: State, last: Mapping[str, Any]) -> Change:
    previous, proven = last.get("previous"), last.get("proven")
    return Change(
        previous=parse(previous) if previous else None,
        wanted=current,
        step=Step(last.get("step")),
        since=str(last.get("since")),
        is_new=False,
        proven=None if proven is None else tuple(map(str, proven)),
    )


def _state(release: Release, *, served: Iterable[str]) -> State:
    before = set(served)
    slots = [slot for _, slot in release.slots()]
    return State(
        release=release,
        served=tuple(sorted({slot.version for slot in slots if slot.weight or slot.version in before})),
    )


def _whole(value: Any) -> Any:  # noqa: ANN401  plain data
    """The engine's numbers are floating-point, those of a release whole."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in cast("dict[str, Any]", value).items()}
    return value
