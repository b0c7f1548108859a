"""Which state of a release may follow which, in a single step."""

from __future__ import annotations

from typing import Final

from policies.release import ALL, Slot, State

# Steps that take nothing to users that they have not had, and undo no way back: allowed whenever.
SAFE: Final = frozenset({"nothing", "rollback", "mend"})


def step(before: State | None, after: State) -> str | None:
    """The name of the one step between two states; None where there is none, or ``after`` is no sound state."""
    if not is_sound(after):
        return None
    if before is None:
        return "first" if len(after.slots) == 1 else None
    if _traffic(before) == _traffic(after):
        return "nothing" if _all(before) == _all(after) else "scale"
    if not is_sound(before):
        return "mend" if len(after.slots) == 1 and after.versions <= before.versions else None
    if before.strategy != after.strategy:
        alone = len(before.slots) == len(after.slots) == 1
        return "convert" if alone and before.versions == after.versions else None
    return _canary(before, after) if after.strategy == "canary" else _blue_green(before, after)


def is_sound(state: State) -> bool:
    """Whether a release may be in that state, whatever came before."""
    slots = state.slots.values()
    if sum(slot.weight for slot in slots) != ALL or len(state.versions) < len(slots):
        return False
    if any(slot.replicas < 1 for slot in slots):
        return False
    if state.strategy == "canary":
        candidate = state.slots.get("candidate")
        return candidate is None or candidate.weight in {0, *state.steps}
    return {slot.weight for slot in slots} <= {0, ALL} and len({slot.replicas for slot in slots}) == 1


def _traffic(state: State) -> object:
    """All of a state that says who gets which requests."""
    climbing = state.steps if "candidate" in state.slots else ()
    return state.strategy, climbing, [(name, slot.version, slot.weight) for name, slot in state.slots.items()]


def _all(state: State) -> object:
    return _traffic(state), state.steps, [slot.replicas for slot in state.slots.values()], state.rest


def _canary(before: State, after: State) -> str | None:
    stable, candidate = after.slots["stable"].version, after.slots.get("candidate")
    old = before.slots.get("candidate")
    if stable != before.slots["stable"].version:
        is_promoted = old == Slot(stable, old.replicas, ALL) if old else False
        return "promote" if is_promoted and candidate is None and before.steps == after.steps else None
    if old is None:
        return "prepare" if candidate and candidate.weight == 0 else None
    if candidate is None:
        return "rollback" if old.weight else "free"
    return _moved(before, after, old, candidate)


def _moved(before: State, after: State, old: Slot, candidate: Slot) -> str | None:
    """Forward by the steps that the release began with; back whatever they are."""
    if candidate == Slot(old.version, candidate.replicas, 0) and old.weight:
        return "rollback"
    if before.steps != after.steps:
        return None
    if candidate.version != old.version:
        return "prepare" if old.weight == candidate.weight == 0 else None
    following = next((weight for weight in before.steps if weight > old.weight), None)
    return "advance" if candidate.weight == following else None


def _blue_green(before: State, after: State) -> str | None:
    active = next(name for name, slot in before.slots.items() if slot.weight == ALL)
    stays = after.slots.get(active)
    if stays is None or stays.version != before.slots[active].version:
        return None
    idle, old = _other(after, active), _other(before, active)
    if stays.weight == ALL:
        return "prepare" if idle else "free"
    return "switch" if idle and old and idle.version == old.version else None


def _other(state: State, name: str) -> Slot | None:
    return next((slot for key, slot in state.slots.items() if key != name), None)
