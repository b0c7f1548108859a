"""What a plan would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

EMPTY: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One attribute that a plan changes.

    Attributes:
        address: the resource.
        type: the resource's.
        attribute: of the resource; empty if the resource as a whole is created or deleted.
        before: its value.
        after: the value that it would get.
    """

    address: str
    type: str
    attribute: str
    before: Any
    after: Any


def differences(plan: Mapping[str, Any]) -> list[Difference]:
    """All of a plan's.

    Values that are known only after the change follow from others, and are left out.

    Args:
        plan: as ``terraform show -json`` has it.
    """
    found: list[Difference] = []
    for resource in cast("list[dict[str, Any]]", plan.get("resource_changes", [])):
        change = resource["change"]
        if change["actions"] == ["no-op"]:
            continue
        before, after = change["before"], change["after"]
        unknown = cast("dict[str, Any]", change.get("after_unknown") or {})
        where = {"address": resource["address"], "type": resource["type"]}
        if before is None or after is None:
            found.append(Difference(**where, attribute="", before=before, after=after))
            continue
        found += [
            Difference(**where, attribute=name, before=before.get(name), after=after.get(name))
            for name in sorted({*before, *after})
            if not _same(before.get(name), after.get(name), unknown.get(name))
        ]
    return found


def _same(before: Any, after: Any, unknown: Any) -> bool:  # noqa: ANN401  # JSON
    """Whether nothing differs of what is known."""
    if unknown is True:
        return True
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):  # pyright: ignore[reportUnknownArgumentType]  # JSON
        befores, afters = cast("list[Any]", before), cast("list[Any]", after)
        unknowns = cast("list[Any]", unknown) if isinstance(unknown, list) else [None] * len(befores)
        return all(_same(*each) for each in zip(befores, afters, unknowns, strict=False))
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        befores, afters = cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after)
        nothing = dict[str, Any]()
        unknowns = cast("Mapping[str, Any]", unknown) if isinstance(unknown, Mapping) else nothing
        return all(_same(befores.get(name), afters.get(name), unknowns.get(name)) for name in {*befores, *afters})
    # To the provider an empty text, list or mapping is none.
    return before == after or (before in EMPTY and after in EMPTY)
