"""What a kind of fault is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.api import Api
    from local.faults.target import Target

FAST_BURN: Final = {"severity": "page", "window": "1h"}
"""Of the burn-rate alert that comes first and ends first: those over longer windows last longer."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that breaks, and how it is mended.

    Attributes:
        kind: its name on the command line.
        meaning: what a person reads of it.
        alert: the alert that it must raise.
        labels: those that tell it from others of its name, beside the service.
        begin: breaks it, while requests are sent; returns what was done, in words.
        undo: mends all that a fault of this kind broke, this process's or another's; returns what was done, in words,
            and nothing where there was nothing to mend.
    """

    kind: str
    meaning: str
    alert: str
    labels: Mapping[str, str]
    begin: Callable[[Api, Target], str]
    undo: Callable[[Api], list[str]]
