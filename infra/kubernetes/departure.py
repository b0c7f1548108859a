"""A slot's pods go only when the gateway has stopped sending them requests.

What a program no longer declares, Pulumi deletes when the program has ended; so the program ends some seconds after the
route was changed. Contour gathers changes for half a second at most and then sends them to all Envoys, yet it takes the
endpoints of pods that go from them at once: without the pause, the last requests of the old route would find nobody.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pulumi

from infra import routing

if TYPE_CHECKING:
    from pulumi_kubernetes.apiextensions import CustomResource

    from infra.release_states import Change

SECONDS: Final = 3.0


def leaving(change: Change | None) -> frozenset[str]:
    """The slots whose pods a step takes away; of a step that was made before, none."""
    if change is None or change.previous is None or not change.is_new:
        return frozenset()
    before, after = (
        frozenset(name for name, _ in routing.slots(state.release)) for state in (change.previous, change.wanted)
    )
    return before - after


def after(route: CustomResource, change: Change | None) -> pulumi.Output[bool]:
    """Whether the gateway has heard of a changed route: known when it has, and at once where no slot leaves.

    Args:
        route: the service's.
        change: how its release comes from what is deployed; None where nobody asks.
    """
    slots = leaving(change)

    async def heard(_: str) -> bool:
        if slots and not pulumi.runtime.is_dry_run():
            pulumi.log.info(f"{', '.join(sorted(slots))}: without requests now, and removed next", resource=route)
            await asyncio.sleep(SECONDS)
        return True

    return route.id.apply(heard)
