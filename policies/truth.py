"""Three-valued logic (Kleene's): what a condition is worth when some of its inputs are not known yet.

``None`` is "not known". A condition is decided as soon as no value of the unknown inputs could change it,
so one known failure outweighs any number of unknowns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Truth: TypeAlias = bool | None


def any_of(conditions: Iterable[Truth]) -> Truth:
    """True if one is true, else unknown if one is unknown, else false."""
    known = list(conditions)
    if True in known:
        return True
    return None if None in known else False


def all_of(conditions: Iterable[Truth]) -> Truth:
    """False if one is false, else unknown if one is unknown, else true."""
    known = list(conditions)
    if False in known:
        return False
    return None if None in known else True


def negate(condition: Truth) -> Truth:
    """The opposite; of unknown, unknown."""
    return None if condition is None else not condition
