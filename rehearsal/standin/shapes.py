"""The shape of an argument: what a provider's SDK says that a value may be."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Scalar:
    """A string, whole number, number or boolean; `kind` is str, int, float or bool."""

    kind: str


@dataclass(frozen=True)
class Anything:
    """A value that the SDK does not describe."""


@dataclass(frozen=True)
class ListOf:
    """A list of one shape."""

    item: "Shape"


@dataclass(frozen=True)
class MapOf:
    """A mapping of free keys to one shape."""

    item: "Shape"


@dataclass(frozen=True)
class OneOf:
    """An enumeration that takes nothing but the values that the SDK names."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class Either:
    """Any of several shapes."""

    shapes: "tuple[Shape, ...]"


@dataclass(frozen=True)
class Block:
    """A nested object, named by its folder in the SDK and its class; its fields are read when asked for."""

    folder: str
    name: str


Shape = Scalar | Anything | ListOf | MapOf | OneOf | Either | Block


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument: its shape, and whether it must be given."""

    shape: Shape
    required: bool


Arguments = Mapping[str, Argument]
"""Arguments by the name they have in the protocol (camelCase)."""


@dataclass(frozen=True, kw_only=True)
class ResourceShape:
    """A resource type: what it takes, what it gives beyond that, and which of it is secret."""

    arguments: Arguments
    outputs: tuple[str, ...]
    secrets: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class FunctionShape:
    """A function: what it takes, and the names of what it gives."""

    arguments: Arguments
    results: tuple[str, ...]
