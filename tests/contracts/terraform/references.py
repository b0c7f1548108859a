"""What a resource's outputs are under the mocks: references to the Terraform resource that stands for it."""

# Pulumi tells the types of outputs by functions that it keeps to itself.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import importlib
import typing
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from pulumi._types import is_output_type, output_type_types, resource_types

from tests.contracts.terraform.names import TOKEN, spellings

if TYPE_CHECKING:
    from tests.contracts.terraform.schema import Block, Type


def outputs(token: str, address: str, block: Block, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a resource: its inputs where it was given any, else references.

    Args:
        token: Pulumi's type.
        address: Terraform's, ``aws_vpc.prod_main``.
        block: what the provider says of the type.
        inputs: by Pulumi's names.
    """
    module, name = TOKEN.fullmatch(token).group("module", "name")  # pyright: ignore[reportOptionalMemberAccess]
    class_ = getattr(importlib.import_module(f"pulumi_aws.{module}"), name)
    referred = _fields(resource_types(class_), address, _fields_of(block))
    return cast("dict[str, Any]", _merge(referred, inputs))


def _merge(referred: Any, given: Any) -> Any:  # noqa: ANN401  # JSON
    """What was given, and below it what was not."""
    if isinstance(referred, dict) and isinstance(given, Mapping):
        both = cast("dict[str, Any]", referred)
        return both | {key: _merge(both.get(key), value) for key, value in cast("Mapping[str, Any]", given).items()}
    return given


def _fields(types: Mapping[str, Any], prefix: str, fields: Mapping[str, Type]) -> dict[str, Any]:
    known = spellings(fields)
    return {
        key: _output(type_, f"{prefix}.{known[key.lower()]}", fields[known[key.lower()]])
        for key, type_ in types.items()
        if key.lower() in known
    }


def _output(type_: Any, expression: str, terraform: Type) -> Any:  # noqa: ANN401  # JSON
    if typing.get_origin(type_) is Mapping:
        return {}
    if typing.get_origin(type_) is Sequence:
        (item,) = typing.get_args(type_)
        return [_output(item, *_first(expression, terraform))]
    while _is_collection(terraform):
        # A list of at most one item, of which the bridge makes the item itself.
        expression, terraform = _first(expression, terraform)
    if isinstance(type_, type) and is_output_type(type_):
        return _fields(output_type_types(type_), expression, terraform[1])
    return f"${{{expression}}}"


def _first(expression: str, terraform: Type) -> tuple[str, Type]:
    """The first item of a list or a set; a set has no indices."""
    if not _is_collection(terraform):
        return expression, terraform
    return (f"{expression}[0]" if terraform[0] == "list" else f"tolist({expression})[0]"), terraform[1]


def _is_collection(terraform: Type) -> bool:
    return isinstance(terraform, list) and terraform[0] in {"list", "set"}


def _fields_of(block: Block) -> dict[str, Type]:
    """A block as if it were an object's type."""
    fields: dict[str, Type] = {name: attribute.type for name, attribute in block.attributes.items()}
    for name, nested in block.blocks.items():
        fields[name] = ["list" if nested.ordered else "set", ["object", _fields_of(nested.block)]]
    return fields
