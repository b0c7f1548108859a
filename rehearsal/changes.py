"""What a preview or an update changes, the losses first."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.report import Change

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rehearsal.events import Step

_TABLE = Path(__file__).with_name("stateful.toml")
_ORDER = ("replaced", "deleted", "created", "updated")


@functools.cache
def stateful_types() -> Mapping[str, str]:
    """What is lost with a resource, by its type token; types that hold nothing are not in it."""
    tables: dict[str, dict[str, str]] = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return {token: loss for table in tables.values() for token, loss in table.items()}


def changes(steps: Mapping[str, Step], *, protected: Collection[str]) -> tuple[Change, ...]:
    """Return what changes, ordered: what is lost, other replacements and deletions, the rest; by type and name.

    Args:
        steps: by URN.
        protected: URNs that a real update would refuse to replace or delete.
    """
    found = [
        Change(
            change=step.change,
            type=step.type,
            name=step.name,
            urn=step.urn,
            because_of=step.keys,
            loses=stateful_types().get(step.type) if step.change in {"replaced", "deleted"} else None,
            protected=step.urn in protected and step.change in {"replaced", "deleted"},
        )
        for step in steps.values()
        if step.change != "same" and _is_real(step)
    ]
    return tuple(sorted(found, key=_rank))


def unchanged(steps: Mapping[str, Step]) -> int:
    """How many resources stay as they are."""
    return sum(step.change == "same" and _is_real(step) for step in steps.values())


def _is_real(step: Step) -> bool:
    """Whether it is there outside the program: no component, and neither the stack nor a provider."""
    return not step.is_component and not step.type.startswith("pulumi:")


def _rank(change: Change) -> tuple[bool, int, str, str]:
    return (change.loses is None, _ORDER.index(change.change), change.type, change.name)
