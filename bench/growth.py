"""How time and memory grow with services and pools, as a table and a picture."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import programs, targets
from bench.measure import ROOT
from bench.rehearsals import Rehearsed, rehearse
from bench.targets import Measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PICTURE = ROOT / "docs" / "pictures" / "growth.svg"
_SERVICES = (1, 10, 50)
_POOLS = (1, 4, 16)


@dataclass(frozen=True, kw_only=True)
class _Point:
    """One size of stack."""

    services: int
    pools: int
    took: Rehearsed


def growth() -> Iterator[Measured]:
    """Rehearse `dev` with more and more services and pools; draw what it takes.

    An exponent of 1 is linear in the number of resources; less is better than linear.
    """
    by_services = [_measure(services=count, pools=1) for count in _SERVICES]
    by_pools = [by_services[0], *(_measure(services=1, pools=count) for count in _POOLS[1:])]
    for target, points in ((targets.GROWTH_SERVICES, by_services), (targets.GROWTH_POOLS, by_pools)):
        yield Measured(target=target, value=_exponent(points), note="; ".join(map(_describe, points)))
    _draw({"services": by_services, "pools": by_pools})


def _measure(*, services: int, pools: int) -> _Point:
    with tempfile.TemporaryDirectory() as folder:
        program = programs.grown(ROOT, Path(folder) / "grown", services=services, pools=pools)
        return _Point(services=services, pools=pools, took=rehearse(programs.GROWN, program))


def _exponent(points: Sequence[_Point]) -> float:
    """Of the largest of preview, update and memory, between the smallest and the largest stack."""
    first, last = points[0].took, points[-1].took
    resources = math.log(last.resources / first.resources)
    ratios = (last.preview / first.preview, last.update / first.update, last.peak_mib / first.peak_mib)
    return max(map(math.log, ratios)) / resources


def _describe(point: _Point) -> str:
    took = point.took
    return (
        f"{point.services} services, {point.pools} pools: {took.resources} resources, preview {took.preview:.1f} s, "
        f"update {took.update:.1f} s, {took.peak_mib:.0f} MiB"
    )


def _draw(series: dict[str, Sequence[_Point]]) -> None:
    # Imported here: no other measurement needs it, and it takes a second.
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "inferstack"  # the same figures make the same file
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")  # pyright: ignore[reportUnknownMemberType]  # half typed
    for axis, (title, unit) in zip(axes, (("time", "seconds"), ("memory", "MiB resident, all processes")), strict=True):
        for name, points in series.items():
            resources = [point.took.resources for point in points]
            if unit == "seconds":
                axis.plot(resources, [point.took.preview for point in points], "o-", label=f"preview, more {name}")
                axis.plot(resources, [point.took.update for point in points], "s--", label=f"update, more {name}")
            else:
                axis.plot(resources, [point.took.peak_mib for point in points], "o-", label=f"more {name}")
        axis.set(title=f"Rehearsal: {title}", xlabel="resources of the stack", ylabel=unit, ylim=(0, None))
        axis.grid(alpha=0.3)
        axis.legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})  # pyright: ignore[reportUnknownMemberType]  # half typed
