"""Stack files in a rehearsal: without what leads to a stack's own backend or to a real cluster.

Lines stay where they are, so that what the program says of a line is true of the file that a person wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATTERN = "Pulumi.*.yaml"
_CLUSTER = "inferstack:cluster"
_LEFT_OUT = (
    # Of the state's secrets, whose keys a rehearsal does not have; it has a passphrase of its own.
    ("secretsprovider",),
    ("encryptedkey",),
    ("encryptionsalt",),
    # Without, it is the rehearsal's.
    ("config", _CLUSTER, "kubeconfig"),
)


def write(source: Path, to: Path) -> None:
    """Write a stack file without what is left out; a file that is no YAML as it is, for the program to refuse."""
    text = source.read_text(encoding="utf-8", errors="surrogateescape")
    to.write_text(without(text), encoding="utf-8", errors="surrogateescape")


def without(text: str) -> str:
    """The text of a stack file without what is left out."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        wanted = _parsed(text)
    except yaml.YAMLError:
        return text
    places = [found for path in _LEFT_OUT for found in _find(root, path)]
    if not places:
        return text
    lines = text.splitlines()
    for first, last in places:
        lines[first : last + 1] = [""] * (last + 1 - first)
    blanked = "\n".join(lines) + "\n"
    for path in _LEFT_OUT:
        _remove(wanted, path)
    try:
        if _parsed(blanked) == wanted:
            return blanked
    except yaml.YAMLError:
        pass
    return yaml.safe_dump(wanted, sort_keys=False)  # several keys on one line: the rest of the line is wanted


def _parsed(text: str) -> dict[str, Any]:
    document: object = yaml.safe_load(text)
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _find(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """The first and last line of a key with its value."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.value == path[0]:
            if len(path) == 1:
                yield key.start_mark.line, value.end_mark.line
            else:
                yield from _find(value, path[1:])


def _remove(document: dict[str, Any], path: tuple[str, ...]) -> None:
    inner: object = document
    for key in path[:-1]:
        inner = cast("dict[str, object]", inner).get(key) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        cast("dict[str, object]", inner).pop(path[-1], None)
