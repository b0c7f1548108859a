"""Checking arguments against the SDK: names, types, what is required, and enumerations."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from rehearsal.standin.shapes import Anything, Arguments, Block, Either, ListOf, MapOf, OneOf, Scalar, Shape
from rehearsal.standin.values import UNKNOWN, Value, unwrap

_NAMES = {"str": "a string", "int": "a whole number", "float": "a number", "bool": "true or false"}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One wrong argument: where it is (a dotted path) and why it is refused."""

    path: str
    reason: str


def check(
    given: Mapping[str, Value],
    arguments: Arguments,
    *,
    fields: Callable[[Block], Arguments],
    allowed: Mapping[str, Sequence[str]],
    path: str = "",
) -> Iterator[Failure]:
    """Yield what is wrong with the given arguments.

    `fields` gives the arguments of a nested object; `allowed` adds enumerations that the SDK lacks, by path
    without indices (`scalingConfig.minSize`). Unknown values pass.
    """
    for name, value in given.items():
        if name.startswith("__"):
            continue
        where = f"{path}.{name}" if path else name
        argument = arguments.get(name)
        if argument is None:
            yield Failure(path=where, reason=_unknown_name(name, arguments))
        elif unwrap(value) is not None:
            yield from _check_value(value, argument.shape, where, fields, allowed)
    for name, argument in arguments.items():
        if argument.required and unwrap(given.get(name)) is None:
            yield Failure(path=f"{path}.{name}" if path else name, reason="is required and missing")


def _check_value(
    value: Value,
    shape: Shape,
    path: str,
    fields: Callable[[Block], Arguments],
    allowed: Mapping[str, Sequence[str]],
) -> Iterator[Failure]:
    value = unwrap(value)
    match shape:
        case _ if value is UNKNOWN:
            return
        case Anything():
            return
        case Scalar(kind):
            if not _is(value, kind):
                yield Failure(path=path, reason=f"must be {_NAMES[kind]}, not {_say(value)}")
            elif (values := allowed.get(_without_indices(path))) and value not in values:
                yield Failure(path=path, reason=_not_among(value, values))
        case OneOf(values):
            more = (*values, *allowed.get(_without_indices(path), ()))
            if value not in more:
                yield Failure(path=path, reason=_not_among(value, more))
        case ListOf(item):
            if not isinstance(value, Sequence) or isinstance(value, str):
                yield Failure(path=path, reason=f"must be a list, not {_say(value)}")
                return
            for index, element in enumerate(value):
                yield from _check_value(element, item, f"{path}[{index}]", fields, allowed)
        case MapOf(item):
            if not isinstance(value, Mapping):
                yield Failure(path=path, reason=f"must be a mapping, not {_say(value)}")
                return
            for key, element in value.items():
                yield from _check_value(element, item, f"{path}.{key}", fields, allowed)
        case Block():
            if not isinstance(value, Mapping):
                yield Failure(path=path, reason=f"must be an object, not {_say(value)}")
                return
            yield from check(value, fields(shape), fields=fields, allowed=allowed, path=path)
        case Either(shapes):
            attempts = [list(_check_value(value, member, path, fields, allowed)) for member in shapes]
            if all(attempts):
                yield from min(attempts, key=len)


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
    near = get_close_matches(name, list(arguments), n=1, cutoff=0.7)
    if near:
        return f"there is no such argument; did you mean {near[0]}?"
    return f"there is no such argument; known: {', '.join(sorted(arguments))}"
