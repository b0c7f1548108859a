"""What the provider says of its own arguments: ``terraform providers schema -json``, as far as it is needed here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from tests.contracts.terraform.names import spellings

if TYPE_CHECKING:
    from collections.abc import Mapping

# A type as the schema writes it: "string", ["list", "string"], ["object", {"name": "string"}], ...
Type = Any


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """An argument or an output with a value.

    Attributes:
        type: as the schema writes it.
        required: the configuration must name it.
        optional: the configuration may name it.
    """

    type: Type
    required: bool
    optional: bool

    @property
    def settable(self) -> bool:
        """Whether it is an argument, not only an output."""
        return self.required or self.optional


@dataclass(frozen=True)
class Nested:
    """Blocks within a block.

    Attributes:
        block: what one of them holds.
        many: whether there may be more than one; the bridge to Pulumi makes one object of a block that comes once.
        ordered: a list, which has indices; not a set.
        listed: a list or a set; the others, such as ``timeouts``, come as themselves.
    """

    block: Block
    many: bool
    ordered: bool
    listed: bool


@dataclass(frozen=True)
class Block:
    """What a resource or a nested block holds.

    Attributes:
        attributes: by their names.
        blocks: by their names.
    """

    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, Nested]

    def __contains__(self, name: object) -> bool:
        return name in self.attributes or name in self.blocks

    @cached_property
    def by_spelling(self) -> dict[str, str]:
        """Names by how the bridge to Pulumi may spell them."""
        return spellings((*self.attributes, *self.blocks))


class Schema:
    """The provider's resources, each parsed when it is first asked for: of 1,500 the program uses some sixty."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read the one provider that the document holds.

        Args:
            document: the output of ``terraform providers schema -json``.
        """
        (provider,) = cast("Mapping[str, Any]", document["provider_schemas"]).values()
        self._raw: Mapping[str, Any] = provider["resource_schemas"]
        self._parsed: dict[str, Block] = {}

    @property
    def types(self) -> frozenset[str]:
        """The names of all resource types."""
        return frozenset(self._raw)

    def resource(self, name: str) -> Block:
        """What a resource of a type holds.

        Raises:
            KeyError: there is no such type.
        """
        if name not in self._parsed:
            self._parsed[name] = _block(self._raw[name]["block"])
        return self._parsed[name]

    def version(self, name: str) -> int:
        """Which version of a type's state this provider writes."""
        return self._raw[name]["version"]


def _block(raw: Mapping[str, Any]) -> Block:
    return Block(
        {
            name: Attribute(
                type=attribute["type"],
                required=attribute.get("required", False),
                optional=attribute.get("optional", False),
            )
            for name, attribute in raw.get("attributes", {}).items()
        },
        {
            name: Nested(
                _block(nested["block"]),
                many=nested["nesting_mode"] in {"list", "set"} and nested.get("max_items") != 1,
                ordered=nested["nesting_mode"] == "list",
                listed=nested["nesting_mode"] in {"list", "set"},
            )
            for name, nested in raw.get("block_types", {}).items()
        },
    )
