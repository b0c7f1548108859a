"""A step: something that is there or is made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.bootstrap.account import Account


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that a stack needs.

    Steps are made in order; each finds out by itself whether it is done, so that a run that was cut off anywhere can be
    run again.

    Attributes:
        name: what it is, for people.
        done: whether it is there as it should be.
        make: makes it so; called only where it is not.
    """

    name: str
    done: Callable[[Account], bool]
    make: Callable[[Account], object]


def same_policy(actual: str, wanted: dict[str, Any]) -> bool:
    """Whether two policies say the same, whatever their white space and order of keys."""
    return json.loads(actual) == wanted
