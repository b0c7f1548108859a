"""The state of what moto cannot create, as it would be: its arguments, and an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tests.contracts.terraform import on_moto
from tests.contracts.terraform.resolving import UnresolvedError, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contracts.terraform.schema import Block
    from tests.contracts.terraform.world import World


def imagine(world: World, known: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The resources that are not in the state, by address, as Terraform would keep them.

    Args:
        world: the stacks.
        known: what is in the state, by address.
    """
    found: dict[str, dict[str, Any]] = {}
    providers = {each["provider"].rpartition(".")[2]: each["provider"] for each in known.values()}
    for program in world.programs:
        applied = on_moto.adapt(world.configuration(program), world.facts)["resource"]
        for declared in program.resources:
            if declared.address in known:
                continue
            body = applied[declared.type][declared.label]
            try:
                body = resolve({name: value for name, value in body.items() if name not in META}, known)
            except UnresolvedError:
                continue
            block = world.schema.resource(declared.type)
            attributes = {**_filled(body, block), "id": "imagined"}
            found[declared.address] = {
                "mode": "managed",
                "type": declared.type,
                "name": declared.label,
                "provider": providers[declared.provider],
                "instances": [{"schema_version": world.schema.version(declared.type), "attributes": attributes}],
            }
    return found


META = ("depends_on", "provider")


def _filled(body: Mapping[str, Any], block: Block) -> dict[str, Any]:
    """A block in which nothing is missing."""
    filled: dict[str, Any] = {name: body.get(name) for name in block.attributes}
    for name, nested in block.blocks.items():
        given = body.get(name, [])
        items = cast("list[dict[str, Any]]", given if isinstance(given, list) else [given])
        filled[name] = [_filled(item, nested.block) for item in items] if nested.listed else None
    return filled
