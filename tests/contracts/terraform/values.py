"""Values as Pulumi has them, written as Terraform JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from tests.contracts.terraform.names import snake, spellings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contracts.terraform.schema import Block, Nested, Type

# What :mod:`references` makes; every other "${" is text of the program, for example a variable of an IAM policy.
REFERENCE = re.compile(r"\$\{(?:tolist\()?aws_[a-z0-9_]+\.[\w-]+[^${}\"]*\}")
TEMPLATE = re.compile(r"[$%](?=\{)")


def arguments(inputs: Mapping[str, Any], block: Block) -> dict[str, Any]:
    """The arguments of a resource or of a nested block.

    A name that the provider does not know stays, for the provider to refuse.

    Args:
        inputs: by Pulumi's names.
        block: what the provider's schema says.
    """
    return {
        _name(key, block.by_spelling): _argument(key, value, block)
        for key, value in inputs.items()
        if value is not None
    }


def text(value: str) -> str:
    """A string in which nothing but our own references is a Terraform expression."""
    parts: list[str] = []
    end = 0
    for match in REFERENCE.finditer(value):
        parts += [literal(value[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, literal(value[end:])])


def literal(value: Any) -> Any:  # noqa: ANN401  # JSON
    """A value in which no string is a Terraform expression."""
    if isinstance(value, str):
        return TEMPLATE.sub(lambda match: match[0] * 2, value)
    if isinstance(value, list):
        return [literal(each) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: literal(each) for key, each in cast("dict[str, Any]", value).items()}
    return value


def _name(key: str, known: Mapping[str, str]) -> str:
    return known.get(key.replace("_", "").lower(), snake(key))


def _argument(key: str, value: Any, block: Block) -> Any:  # noqa: ANN401  # JSON
    name = _name(key, block.by_spelling)
    if name in block.blocks:
        return _blocks(value, block.blocks[name])
    return convert(value, block.attributes[name].type if name in block.attributes else None)


def _blocks(value: Any, nested: Nested) -> Any:  # noqa: ANN401  # JSON
    if isinstance(value, list):
        return [_blocks(item, nested) for item in cast("list[Any]", value)]
    return arguments(cast("dict[str, Any]", value), nested.block) if isinstance(value, dict) else value


def convert(value: Any, type_: Type) -> Any:  # noqa: ANN401  # JSON
    """One value.

    Args:
        value: with Pulumi's names in it.
        type_: the attribute's, as the schema writes it; None if the provider knows none.
    """
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        item = type_[1] if _collection(type_) else None
        return [convert(each, item) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return _mapping(cast("dict[str, Any]", value), type_)
    return value


def _collection(type_: Type) -> bool:
    return isinstance(type_, list) and type_[0] in {"list", "set"}


def _mapping(value: dict[str, Any], type_: Type) -> Any:  # noqa: ANN401  # JSON
    if _collection(type_):
        return [_mapping(value, type_[1])]  # pyright: ignore[reportUnknownArgumentType]  # JSON
    if isinstance(type_, list) and type_[0] == "object":
        fields = cast("dict[str, Type]", type_[1])
        known = spellings(fields)
        given = {_name(key, known): item for key, item in value.items()}
        # Terraform wants every field of an object, also those that are not set.
        return dict.fromkeys(fields) | {name: convert(item, fields.get(name)) for name, item in given.items()}
    item = cast("list[Type]", type_)[1] if isinstance(type_, list) else None
    return {text(key): convert(each, item) for key, each in value.items()}
