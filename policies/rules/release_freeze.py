"""Nobody is there to look at a release that goes forward in a freeze; the way back is always open."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from policies.changes import Change, Freeze, change, no_change
from policies.release import ALL, COMPONENT, State
from policies.release_steps import SAFE, step
from policies.rule import Expectation, Resource, ResourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    found, holds = change(resource)
    if found is None:
        yield no_change(holds)
        return
    now = datetime.now(tz=UTC)
    # A step keeps its time when it is done: what was done before a freeze began is none of it.
    for freeze in (each for each in found.freezes if each.holds_at(found.since) and now < each.ends):
        yield _expectation(found, freeze)


def _expectation(found: Change, freeze: Freeze) -> Expectation:
    name = step(found.previous, found.wanted)
    allowed = _leads_back(found.previous, found.wanted, name)
    waived = "" if allowed else found.waived()
    return Expectation(
        holds=allowed or bool(waived),
        subject="step",
        must=f"not go forward until {freeze.ends.isoformat()} ({freeze.reason})",
        found=f"{name or 'more than a step'}, begun at {found.since.isoformat()}",
        remedy=found.to_do(),
        exemption=f"step is {name} in a freeze ({freeze.reason}): {waived}" if waived else "",
    )


def _leads_back(previous: State | None, wanted: State, name: str | None) -> bool:
    """Whether a step takes nothing to users that they have not had, and closes no way back."""
    if previous is None or name is None:
        return False
    if name == "switch":
        active = next(slot for slot in wanted.slots.values() if slot.weight == ALL)
        return active.version in previous.served
    if name == "free":
        gone = previous.versions - wanted.versions
        return wanted.strategy == "canary" or not gone & previous.served
    if name == "scale":
        return "candidate" not in wanted.slots or _same_users(previous, wanted)
    return name in SAFE


def _same_users(previous: State, wanted: State) -> bool:
    """Whether nobody else meets the candidate, and no more requests are sent to it for comparison."""
    before, after = previous.rest, wanted.rest
    return before.get("sticky") == after.get("sticky") and after.get("mirror") in (before.get("mirror"), 0)


RULE = ResourceRule(
    name="release-freeze",
    title="No release goes forward in a freeze.",
    remedy="wait until the freeze ends, or have a waiver with reason, approver and end in `changes.waivers`",
    applies=lambda token: token == COMPONENT,
    check=_check,
)
