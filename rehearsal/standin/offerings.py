"""Which instance types which zones offer: offerings.json, EC2's answers as moto carries them."""

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TypedDict


class Region(TypedDict):
    """A region: the letters of its zones, and the instance types by the letters of the zones that offer them."""

    zones: str
    offered: dict[str, list[str]]


@cache
def _regions() -> Mapping[str, Region]:
    return json.loads((Path(__file__).parent / "offerings.json").read_text())["regions"]


def zones(region: str) -> list[str]:
    """Return the names of a region's zones; none for a region that the data lacks."""
    found = _regions().get(region)
    return [f"{region}{letter}" for letter in found["zones"]] if found else []


def find(region: str, *, by_zone: bool, filters: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Return (instance type, location) pairs: locations are zones, or the region itself.

    The filters are EC2's: `instance-type` and `location`, each a list of patterns with `*` of which one must fit.
    """
    found = _regions().get(region)
    offered = found["offered"] if found else {}
    pairs = [
        (name, location)
        for letters, names in offered.items()
        for name in names
        for location in ([f"{region}{letter}" for letter in letters] if by_zone else [region])
    ]
    return sorted(
        (name, location)
        for name, location in pairs
        if _fits(name, filters.get("instance-type")) and _fits(location, filters.get("location"))
    )


def _fits(value: str, patterns: Sequence[str] | None) -> bool:
    return patterns is None or any(fnmatchcase(value, pattern) for pattern in patterns)
