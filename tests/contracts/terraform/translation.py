"""A recorded program as a Terraform configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.contracts.terraform.functions import FOUND
from tests.contracts.terraform.values import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.recording import Declared, Program
    from tests.contracts.terraform.schema import Schema


def configuration(program: Program, schema: Schema, facts: Facts) -> dict[str, Any]:
    """The resources of a program.

    Args:
        program: the stack.
        schema: the provider's.
        facts: what is known of both major versions.

    Returns:
        A document in Terraform's JSON syntax, with what is there before the stack and without its providers.
    """
    resources: dict[str, dict[str, Any]] = {}
    for declared in program.resources:
        resources.setdefault(declared.type, {})[declared.label] = resource(declared, schema, facts)
    for type_, found in program.found.items():
        alias = next(iter(program.providers))
        resources.setdefault(type_, {})[FOUND.format(stack=program.stack)] = {**found, "provider": f"aws.{alias}"}
    return {"resource": resources}


def resource(declared: Declared, schema: Schema, facts: Facts) -> dict[str, Any]:
    """One resource, as the older provider knows it."""
    body = arguments(facts.older(declared.token, declared.inputs), schema.resource(declared.type))
    before = sorted({*declared.depends_on})
    return body | {"provider": f"aws.{declared.provider}"} | ({"depends_on": before} if before else {})


def provider(program: Program, name: str, access: Mapping[str, Any]) -> dict[str, Any]:
    """One of the program's providers.

    Args:
        program: declares it.
        name: its Terraform alias.
        access: arguments that say how moto is reached.
    """
    # Pulumi hands a provider its structured arguments as JSON.
    inputs = {key: _decoded(value) for key, value in program.providers[name].items()}
    return {
        "alias": name,
        "region": inputs["region"],
        "allowed_account_ids": inputs.get("allowedAccountIds"),
        "default_tags": inputs.get("defaultTags"),
        **access,
    }


def _decoded(value: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(value, str) and value.startswith(("[", "{")):
        return json.loads(value)
    return value
