"""A version comes to production from the stack before it, where it has answered requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.changes import Change, change, no_change
from policies.release import COMPONENT
from policies.rule import Expectation, Resource, ResourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    found, holds = change(resource)
    if found is None:
        yield no_change(holds)
        return
    # A version is judged when it comes into a slot: even without a weight it may be asked, for comparison.
    there = found.previous.versions if found.previous else frozenset[str]()
    for name, slot in found.wanted.slots.items():
        yield _expectation(found, name, slot.version, there)


def _expectation(found: Change, slot: str, version: str, there: frozenset[str]) -> Expectation:
    allowed = found.promoted_from is None or version in there | found.promoted
    waived = "" if allowed else found.waived()
    subject = f"wanted.slots.{slot}.version"
    routed = ", ".join(sorted(found.promoted)) or "none"
    return Expectation(
        holds=allowed or bool(waived),
        subject=subject,
        must=f"be a version that {found.promoted_from} routes requests to ({routed}), or that is there already",
        found=version,
        remedy=found.to_do(),
        exemption=f"{subject} is {version}: {waived}" if waived else "",
    )


RULE = ResourceRule(
    name="release-promotion",
    title="A stack takes versions only from the stack that `changes.promoted_from` names.",
    remedy="release the version in that stack first",
    applies=lambda token: token == COMPONENT,
    check=_check,
)
