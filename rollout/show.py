"""What the command shows to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from infra.releases import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from infra.releases import Release
    from rollout.cluster import Seen
    from rollout.confined import Planned

_MARKS = {"create": "+", "delete": "-", "update": "~"}


def slots(
    *, committed: Release | None, written: Release, there: Release | None, seen: Seen | None
) -> tuple[Table, list[dict[str, Any]]]:
    """A line for each slot that anybody knows of: in Git, in the stack file, deployed, in the cluster."""
    table = Table(box=None, pad_edge=False)
    for column in ("slot", "in Git", "stack file", "deployed", "cluster", "ready", "weight"):
        table.add_column(column, no_wrap=True)
    sources = [dict(release.slots()) if release else {} for release in (committed, written, there)]
    running = dict(seen.slots) if seen else {}
    weights = dict(seen.weights) if seen else {}
    rows = list[dict[str, Any]]()
    for name in dict.fromkeys([*(name for source in sources for name in source), *running, *weights]):
        told = [source.get(name) for source in sources]
        cells = [f"{slot.version} {slot.weight} %" if slot else "-" for slot in told]
        pods = running.get(name)
        table.add_row(
            name,
            *cells,
            pods.version if pods else "-" if seen else "?",
            f"{pods.ready}/{pods.wanted}" if pods else "-" if seen else "?",
            f"{weights[name]} %" if name in weights else "-" if seen else "?",
        )
        keys = ("git", "stack_file", "deployed")
        rows.append(
            {
                "slot": name,
                **{key: slot.model_dump() if slot else None for key, slot in zip(keys, told, strict=True)},
                "cluster": {"version": pods.version, "ready": pods.ready, "replicas": pods.wanted} if pods else None,
                "weight": weights.get(name),
            }
        )
    return table, rows


def differences(
    *, committed: Release | None, written: Release, there: Release | None, expected: dict[str, int], seen: Seen | None
) -> list[str]:
    """Where Git, the stack file, what is deployed and the cluster say different things; in sentences."""
    found = list[str]()
    if committed is not None and committed != written:
        found.append(
            f"the stack file is not as it was committed: {describe(written)}; committed: {describe(committed)}"
        )
    if there is None:
        found.append("nothing is deployed")
    elif there != written:
        found.append(f"deployed is {describe(there)}; the stack file says {describe(written)}")
    if there is not None and seen is not None:
        found.extend(_in_cluster(there, expected, seen))
    return found


def _in_cluster(there: Release, expected: dict[str, int], seen: Seen) -> Iterator[str]:
    if _filled(seen.weights) != _filled(expected):
        yield f"the route's weights are {dict(seen.weights)}; by what is deployed they should be {expected}"
    if not seen.accepted:
        yield "the gateway has not taken the route"
    for name, slot in there.slots():
        pods = seen.slots.get(name)
        if pods is None:
            yield f"{name} has no Deployment in the cluster"
        elif pods.version != slot.version:
            yield f"{name} runs {pods.version} in the cluster; deployed is {slot.version}"
        elif not pods.settled:
            yield f"{name} has {pods.ready} of {pods.wanted} pods ready"


def _filled(weights: Mapping[str, int]) -> dict[str, int]:
    return {name: weight for name, weight in weights.items() if weight}


def changes(planned: Sequence[Planned]) -> str:
    """A line for each resource that would change."""
    if not planned:
        return "  nothing changes"
    return "\n".join(map(_change, sorted(planned, key=lambda each: (each.change, each.name))))


def _change(planned: Planned) -> str:
    keys = f"  [{', '.join(planned.keys)}]" if planned.keys else ""
    return f"  {_MARKS.get(planned.change, '±')} {planned.name}{keys}"
