"""Sentences for what is wrong in a stack file: file, line, key, value, what is allowed."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

import yaml
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

PREFIX = "inferstack:"
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text (in quotes)",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
Location = tuple[str | int, ...]
Schema = dict[str, Any]


class SettingsError(Exception):
    """A stack file that cannot be used; the message is for the user and may have several lines."""


def conflict(path: Location, sentence: str) -> PydanticCustomError:
    """What a validator raises when values that are fine alone do not fit together.

    Args:
        path: the key to point at, below the model that validates.
        sentence: what is wrong and what is allowed, without a full stop.
    """
    return PydanticCustomError("conflict", "{sentence}", {"sentence": sentence, "path": path})


def describe(error: ValidationError, *, schema: Schema, source: Path) -> str:
    """One line for each error of pydantic's.

    Args:
        error: what pydantic found.
        schema: the JSON Schema of the model, from which the allowed values are told.
        source: the stack file; its lines are looked up, and left out where it cannot be read.
    """
    found = error.errors(include_url=False)
    # A list counts only the items that are fine, and is called too short for want of them.
    return "\n".join(
        _sentence(details, schema, source)
        for details in found
        if details["type"] != "too_short" or not any(_is_within(other["loc"], details["loc"]) for other in found)
    )


def _is_within(location: Location, other: Location) -> bool:
    return len(location) > len(other) and location[: len(other)] == other


def _sentence(details: ErrorDetails, schema: Schema, source: Path) -> str:
    path, node = _resolve(details["loc"], schema)
    place = f"{at(source, path)}: {key(path)}" if path else source.name
    match details["type"]:
        case "extra_forbidden":
            allowed = sorted(_parent(details["loc"], schema).get("properties", {}))
            close = difflib.get_close_matches(str(path[-1]), allowed, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            return f"{place}: unknown key.{hint} Allowed keys: {', '.join(allowed)}."
        case "missing":
            return f"{place}: this key is missing. Allowed: {_allowed(node, schema)}."
        case "conflict":
            path = (*path, *details.get("ctx", {})["path"])
            return f"{at(source, path)}: {key(path)}: {details['msg']}."
        case "union_tag_invalid" | "union_tag_not_found":
            tag: str = node["discriminator"]["propertyName"]
            return f"{place}.{tag}: {_value(_tag_of(details, tag))} is not allowed. Allowed: {', '.join(_tags(node))}."
        case _:
            return f"{place}: {_value(details['input'])} is not allowed. Allowed: {_allowed(node, schema)}."


def _tag_of(details: ErrorDetails, tag: str) -> object:
    value = details["input"]
    return value.get(tag) if isinstance(value, dict) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]  # input is what the user wrote


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def key(path: Sequence[str | int]) -> str:
    """A key as a user writes it: ``inferstack:services[0].release.stable.replicas``."""
    text = PREFIX
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'' if text.endswith(':') else '.'}{part}"
    return text


def at(source: Path, path: Sequence[str | int]) -> str:
    """``Pulumi.local.yaml:14``, the line of that key or of its nearest ancestor that the file has."""
    line = _line(source, path)
    return f"{source.name}:{line}" if line else source.name


def _line(source: Path, path: Sequence[str | int]) -> int | None:
    try:
        node = yaml.compose(source.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, yaml.YAMLError):
        return None
    line: int | None = None
    for part in ("config", f"{PREFIX}{path[0]}" if path else "", *path[1:]):
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == part), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _deref(node: Schema, schema: Schema) -> Schema:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def _resolve(location: Location, schema: Schema) -> tuple[Location, Schema]:
    """Pydantic's location without the tags of unions, and the schema of the place."""
    path: list[str | int] = []
    node: Schema = schema
    for part in location:
        node = _deref(node, schema)
        if options := _tags(node):
            if part in options:
                node = options[str(part)]
                continue
        elif isinstance(part, int):
            node = node.get("items", {})
        else:
            choices = [option for option in node.get("anyOf", [node]) if option.get("type") != "null"]
            node = _deref(choices[0], schema).get("properties", {}).get(part, {})
        path.append(part)
    return tuple(path), _deref(node, schema)


def _parent(location: Location, schema: Schema) -> Schema:
    node = _resolve(location[:-1], schema)[1]
    choices = [option for option in node.get("anyOf", [node]) if option.get("type") != "null"]
    return _deref(choices[0], schema)


def _tags(node: Schema) -> Schema:
    mapping: dict[str, str] = node.get("discriminator", {}).get("mapping", {})
    return {tag: {"$ref": reference} for tag, reference in mapping.items()}


def _allowed(node: Schema, schema: Schema) -> str:  # noqa: PLR0911  # one case a kind of schema
    node = _deref(node, schema)
    name = _TYPES.get(node.get("type", ""), "see docs/stack.schema.json")
    match node:
        case {"discriminator": {"propertyName": tag, "mapping": mapping}}:
            return f"a mapping whose {tag} is {' or '.join(mapping)}"
        case {"anyOf": options}:
            return " or ".join(_allowed(option, schema) for option in options)
        case {"const": only}:
            return _value(only)
        case {"enum": choices}:
            return ", ".join(map(_value, choices))
        case {"minimum": low, "maximum": high}:
            return f"a whole number from {low} to {high}"
        case {"minItems": least}:
            return f"a list of {least} or more"
        case {"pattern": pattern}:
            return f"text (in quotes) that matches {pattern}"
        case {"properties": properties}:
            return f"a mapping with {', '.join(properties)}"
        case _:
            return name
