"""YAML as Pulumi reads it: no key twice, and no values that JSON does not have.

PyYAML alone takes the last of two equal keys, and makes dates of ``2027-03-31``; Pulumi's engine refuses the one and
hands over another text for the other.
"""

from __future__ import annotations

import yaml

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_ALLOWED = frozenset(f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))


class YamlError(Exception):
    """Text that is no YAML, or YAML that Pulumi does not take; with the line, from 1, where that is known."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def load(text: str) -> object:
    """The document in a text: mappings, lists, text, numbers, booleans and None.

    Raises:
        YamlError: a sentence without a full stop.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, within=())
        return loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType]  # yaml has no types
    except yaml.MarkedYAMLError as error:
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(f"not readable as YAML: {said}", line=_line(error.problem_mark)) from None
    except (yaml.YAMLError, ValueError) as error:  # a value error is of text behind a tag, such as `!!int a`
        raise YamlError(f"not readable as YAML: {' '.join(str(error).split())}") from None
    finally:
        loader.dispose()


def _check(node: yaml.Node, *, within: tuple[int, ...]) -> None:
    line = _line(node.start_mark)
    if id(node) in within:
        raise YamlError("an alias leads to a value that it is a part of", line=line)
    if node.tag == f"{_TAG}timestamp":
        raise YamlError(f'{node.value} is a date in YAML. Allowed: text in quotes, "{node.value}"', line=line)
    if node.tag == f"{_TAG}float" and node.value.lower().lstrip("+-") in {".inf", ".nan"}:
        raise YamlError(f"{node.value} is not allowed. Allowed: numbers that can be written in digits", line=line)
    if node.tag not in _ALLOWED:
        kind = node.tag.replace(_TAG, "!!")
        raise YamlError(f"a value of kind {kind} is not allowed. Allowed: text, numbers, lists, mappings", line=line)
    within = (*within, id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check(item, within=within)
    elif isinstance(node, yaml.MappingNode):
        _check_mapping(node, within=within)


def _check_mapping(node: yaml.MappingNode, *, within: tuple[int, ...]) -> None:
    first: dict[str, int | None] = {}
    for key, value in node.value:
        line = _line(key.start_mark)
        if key.tag != _MERGE:
            _check(key, within=within)
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError("a list or mapping is no key. Allowed: text", line=line)
            if key.value in first:
                raise YamlError(
                    f"the key {key.value!r} is there twice, first in line {first[key.value]}. Allowed: once", line=line
                )
            first[key.value] = line
        _check(value, within=within)


def _line(mark: yaml.Mark | None) -> int | None:
    return mark.line + 1 if mark else None
