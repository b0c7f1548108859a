"""Checking arguments against the SDK: names, types, what is required, and enumerations."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from rehearsal.standin.shapes import Anything, Arguments, Block, Either, ListOf, MapOf, OneOf, Scalar, Shape
from rehearsal.standin.values import UNKNOWN, Value, unwrap

_NAMES = {"str": "a string", "int": "a whole number", "float": "a number", "bool": "true or false"}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One wrong argument: where it is (a dotted path) and why it is refused."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Checker:
    """Checks arguments of one type.

    `fields` gives the arguments of a nested object; `allowed` adds enumerations that the SDK lacks, by path without
    indices (`taints.effect`), as values or patterns with `*`.
    """

    fields: Callable[[Block], Arguments]
    allowed: Mapping[str, Sequence[str]]

    def check(self, given: Mapping[str, Value], arguments: Arguments, path: str = "") -> Iterator[Failure]:
        """Yield what is wrong with the given arguments; unknown values pass."""
        for name, value in given.items():
            if name.startswith("__"):
                continue
            where = f"{path}.{name}" if path else name
            argument = arguments.get(name)
            if argument is None:
                yield Failure(path=where, reason=_unknown_name(name, arguments))
            elif unwrap(value) is not None:
                yield from self._value(value, argument.shape, where)
        for name, argument in arguments.items():
            if argument.required and unwrap(given.get(name)) is None:
                yield Failure(path=f"{path}.{name}" if path else name, reason="is required and missing")

    def _value(self, value: Value, shape: Shape, path: str) -> Iterator[Failure]:
        value = unwrap(value)
        if value is UNKNOWN:
            return
        match shape:
            case Anything():
                pass
            case Scalar(kind) if not _is(value, kind):
                yield Failure(path=path, reason=f"must be {_NAMES[kind]}, not {_say(value)}")
            case Scalar():
                yield from self._among(value, self.allowed.get(_without_indices(path)), path)
            case OneOf(values):
                yield from self._among(value, values, path)
            case Either(shapes):
                attempts = [list(self._value(value, member, path)) for member in shapes]
                if all(attempts):
                    yield from min(attempts, key=len)
            case ListOf() | MapOf() | Block():
                yield from self._nested(value, shape, path)

    def _nested(self, value: Value, shape: ListOf | MapOf | Block, path: str) -> Iterator[Failure]:
        if isinstance(shape, ListOf) and isinstance(value, Sequence) and not isinstance(value, str):
            for index, element in enumerate(value):
                yield from self._value(element, shape.item, f"{path}[{index}]")
        elif isinstance(shape, MapOf) and isinstance(value, Mapping):
            for key, element in value.items():
                yield from self._value(element, shape.item, f"{path}.{key}")
        elif isinstance(shape, Block) and isinstance(value, Mapping):
            yield from self.check(value, self.fields(shape), path)
        else:
            wanted = {ListOf: "a list", MapOf: "a mapping", Block: "an object"}[type(shape)]
            yield Failure(path=path, reason=f"must be {wanted}, not {_say(value)}")

    def _among(self, value: Value, values: Sequence[str] | None, path: str) -> Iterator[Failure]:
        if values and not any(fnmatchcase(str(value), allowed) for allowed in values):
            yield Failure(path=path, reason=_not_among(value, values))


def _is(value: Value, kind: str) -> bool:
    """Tell whether a value has a scalar type; true and false are no numbers."""
    if isinstance(value, bool):
        return kind == "bool"
    accepted: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float)}
    return kind in accepted and isinstance(value, accepted[kind])


def _without_indices(path: str) -> str:
    """Return a path without its list indices: taints[0].effect is taints.effect."""
    return ".".join(part.partition("[")[0] for part in path.split("."))


def _say(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list"
    return repr(value)


def _not_among(value: Value, values: Sequence[str]) -> str:
    """Say which values are allowed: the nearest ones where there are many."""
    few = 12
    if len(values) <= few:
        return f"{_say(value)} is none of {', '.join(values)}"
    near = get_close_matches(str(value), values, n=3)
    return f"{_say(value)} is none of the {len(values)} allowed values" + (f"; near: {', '.join(near)}" if near else "")


def _unknown_name(name: str, arguments: Arguments) -> str:
    near = get_close_matches(name, list(arguments), n=1)
    if near:
        return f"there is no such argument; did you mean {near[0]}?"
    return f"there is no such argument; known: {', '.join(sorted(arguments))}"
