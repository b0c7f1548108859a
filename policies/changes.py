"""What rules of change read of a release component: its states, and what the stack file says of changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from policies.node import Node
from policies.release import State, parse
from policies.rule import Expectation

if TYPE_CHECKING:
    from policies.rule import Resource
    from policies.truth import Truth

# What lasts longer is no emergency but another rule.
_LONGEST: Final = timedelta(days=7)
_READ: Final = ("service", "previous", "wanted", "since", "changes")


@dataclass(frozen=True)
class Waiver:
    """Break-glass: what lets one service go against a rule of change, who approved it and until when."""

    reason: str
    approved_by: str
    expires: datetime

    def holds_at(self, when: datetime) -> bool:
        """Whether it lets a step be begun then: it has not ended, and ends soon enough."""
        return when < self.expires <= when + _LONGEST

    def note(self) -> str:
        """What a report says of it."""
        return f"waived by {self.approved_by} until {self.expires.isoformat()}: {self.reason}"


@dataclass(frozen=True)
class Freeze:
    """A time in which no release goes forward."""

    begins: datetime
    ends: datetime
    reason: str

    def holds_at(self, when: datetime) -> bool:
        """Whether the time is in it."""
        return self.begins <= when < self.ends


@dataclass(frozen=True)
class Change:
    """A step of a release and the rules that the stack file sets for it.

    Attributes:
        previous: the state before; None where there was none.
        wanted: the state after.
        since: when the step was begun.
        promoted_from: the stack that versions come from; None where any may come.
        promoted: the versions that it routes requests to.
        freezes: of the stack.
        waiver: the service's that lasts longest, of those that hold where some do; None where there is none.
    """

    previous: State | None
    wanted: State
    since: datetime
    promoted_from: str | None
    promoted: frozenset[str]
    freezes: tuple[Freeze, ...]
    waiver: Waiver | None

    def waived(self) -> str:
        """What a report says of the waiver that held when the step was begun; empty where none did."""
        waiver = self.waiver
        return waiver.note() if waiver and waiver.holds_at(self.since) else ""

    def to_do(self) -> str:
        """What to do where there is a waiver that does not hold; empty where there is none."""
        if self.waiver is None:
            return ""
        until, approver = self.waiver.expires.isoformat(), self.waiver.approved_by
        return f"have the waiver that {approver} approved until {until} renewed: for {_LONGEST.days} days at most"


def change(resource: Resource) -> tuple[Change | None, Truth]:
    """The change that a release component stands for, and whether it is one; not known where a part is not."""
    known = Node({name: resource.node[name].value for name in _READ})
    found = _change(cast("dict[str, Any]", known.value)) if known.known else None
    return found, known.test(lambda _: found is not None)


def no_change(holds: Truth) -> Expectation:
    """What is expected of a component that :func:`change` finds no change in."""
    return Expectation(
        holds=holds, subject="the component", must="tell its states, and the rules of change", found="something else"
    )


def _change(fields: dict[str, Any]) -> Change | None:
    wanted, previous, since = parse(fields["wanted"]), parse(fields["previous"]), _moment(fields["since"])
    if wanted is None or since is None or (previous is None and fields["previous"] is not None):
        return None
    service, rules = fields["service"], cast("dict[str, Any]", fields["changes"])
    if not isinstance(service, str) or not isinstance(rules, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # of whatever
        return None
    source, promoted = rules.get("promoted_from"), rules.get("promoted", [])
    frozen, waived = rules.get("freezes", []), rules.get("waivers", [])
    lists = all(isinstance(each, list) for each in (promoted, frozen, waived))
    if not lists or not isinstance(source, str | None):
        return None
    freezes = [_freeze(each) for each in frozen]
    if None in freezes:
        return None
    waivers = [waiver for each in waived if (waiver := _waiver(each, service))]
    holding = [waiver for waiver in waivers if waiver.holds_at(since)]
    return Change(
        previous=previous,
        wanted=wanted,
        since=since,
        promoted_from=source,
        promoted=frozenset(map(str, promoted)),
        freezes=tuple(filter(None, freezes)),
        waiver=max(holding or waivers, key=lambda waiver: waiver.expires, default=None),
    )


def _freeze(value: object) -> Freeze | None:
    match value:
        case {"begins": str(begins), "ends": str(ends), "reason": str(reason)}:
            first, last = _moment(begins), _moment(ends)
            return Freeze(first, last, reason) if first and last else None
        case _:
            return None


def _waiver(value: object, service: str) -> Waiver | None:
    match value:
        case {"service": str(of), "reason": str(reason), "approved_by": str(approver), "expires": str(expires)}:
            until = _moment(expires)
            return Waiver(reason, approver, until) if of == service and until else None
        case _:
            return None


def _moment(value: object) -> datetime | None:
    """A time with its zone; None where the value is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo else None
