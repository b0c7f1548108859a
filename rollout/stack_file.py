"""Changes the slots of one service in the text of a stack file, and not a byte of anything else.

YAML's own marks say where a value stands; only that is replaced. So comments, order, quotes and line ends stay as a
person wrote them. What comes out is read again and compared with what was wanted, before anybody gets it.
"""

from __future__ import annotations

import copy
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from infra import settings
from infra.settings import yaml_text
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from infra.releases import Release

_PREFIX = f"{settings.PROJECT}:"
_KEYS = ("version", "replicas", "weight")


@dataclass(frozen=True, kw_only=True)
class _Edit:
    """A part of the text, from one index to another, and what takes its place."""

    begin: int
    end: int
    text: str


def with_release(text: str, *, service: str, release: Release, source: Path) -> str:
    """The text with the slots of a service as a release has them.

    Args:
        text: of the stack file.
        service: its name.
        release: of the same strategy as the one in the text; only its slots are written.
        source: the stack file, for errors.

    Raises:
        RolloutError: the text has no such service, or is written in a way in which its slots cannot be changed alone.
    """
    expected = _expected(text, service, release, source)
    node = _release_node(text, service)
    if node is None:
        raise RolloutError(f"{source.name}: {service} has no release to change")
    changed = _apply(text, list(_edits(text, node, _slots(release))))
    try:
        done = yaml_text.load(changed) == expected
    except yaml_text.YamlError:
        done = False
    if not done:
        raise RolloutError(
            f"{source.name}:{node.start_mark.line + 1}: the slots of {service} are written in a way that cannot be "
            f"changed without changing more. Allowed: a key a line, without anchors and aliases. "
            f"Wanted: {_wanted(release)}"
        )
    return changed


def difference(before: str, after: str, *, name: str) -> str:
    """What changes, as a patch that `git apply` takes; empty where nothing does."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}", f"b/{name}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _slots(release: Release) -> dict[str, dict[str, Any] | None]:
    filled = dict(release.slots())
    return {
        name: {key: getattr(filled[name], key) for key in _KEYS} if name in filled else None
        for name in release.slot_names
    }


def _wanted(release: Release) -> str:
    return "; ".join(f"{name}: {slot}" for name, slot in _slots(release).items() if slot)


def _expected(text: str, service: str, release: Release, source: Path) -> object:
    """The document as it should be read afterwards."""
    document: Any = copy.deepcopy(yaml_text.load(text))
    services: list[dict[str, Any]] = document["config"][f"{_PREFIX}services"]
    found = next((each for each in services if each["name"] == service), None)
    if found is None:
        raise RolloutError(f"{source.name}: no service is named {service!r}")
    written = dict(found["release"])  # an alias may stand elsewhere too
    found["release"] = written
    if written["strategy"] != release.strategy:
        raise RolloutError(f"{source.name}: {service} is a {written['strategy']} release, and not {release.strategy}")
    for name, slot in _slots(release).items():
        if slot is not None:
            written[name] = slot
        elif name in written:
            del written[name]
    return document


def _release_node(text: str, service: str) -> yaml.MappingNode | None:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    services = _value(_value(node, "config"), f"{_PREFIX}services")
    if not isinstance(services, yaml.SequenceNode):
        return None
    for each in services.value:
        name = _value(each, "name")
        if isinstance(name, yaml.ScalarNode) and name.value == service:
            release = _value(each, "release")
            return release if isinstance(release, yaml.MappingNode) else None
    return None


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _edits(text: str, release: yaml.MappingNode, slots: dict[str, dict[str, Any] | None]) -> Iterator[_Edit]:
    there = [(key, value) for key, value in release.value if key.value in slots]
    kept = [(key, value) for key, value in there if slots[key.value] and isinstance(value, yaml.MappingNode)]
    for key, value in there:
        wanted = slots[key.value]
        if wanted and isinstance(value, yaml.MappingNode):
            yield from _changed(value, wanted)
        else:
            yield _removed(text, release, key)
    missing = {name: slot for name, slot in slots.items() if slot and name not in {key.value for key, _ in kept}}
    for name, slot in missing.items():
        yield _added(text, release, (kept or there)[-1], name, slot)


def _changed(slot: yaml.MappingNode, wanted: dict[str, Any]) -> Iterator[_Edit]:
    for key, value in slot.value:
        if not isinstance(value, yaml.ScalarNode) or str(wanted[key.value]) == value.value:
            continue
        quote = value.style if value.style in {"'", '"'} else ""
        new = f"{quote}{wanted[key.value]}{quote}"
        yield _Edit(begin=value.start_mark.index, end=value.end_mark.index, text=new)


def _removed(text: str, parent: yaml.MappingNode, key: yaml.Node) -> _Edit:
    index = next(number for number, (name, _) in enumerate(parent.value) if name is key)
    value = parent.value[index][1]
    if parent.flow_style:
        if index:
            return _Edit(begin=_end(*parent.value[index - 1]), end=_end(key, value), text="")
        return _Edit(begin=key.start_mark.index, end=parent.value[1][0].start_mark.index, text="")
    # The key's lines, with the comments among them; those above and below are of others.
    return _Edit(begin=_line_begin(text, key.start_mark.index), end=_next_line(text, _end(key, value)), text="")


def _added(
    text: str, parent: yaml.MappingNode, after: tuple[yaml.Node, yaml.Node], name: str, slot: dict[str, Any]
) -> _Edit:
    key, other = after
    flow = "{" + ", ".join(f"{part}: {value}" for part, value in slot.items()) + "}"
    if parent.flow_style:
        end = _end(key, other)
        return _Edit(begin=end, end=end, text=f", {name}: {flow}")
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = " " * key.start_mark.column
    if isinstance(other, yaml.MappingNode) and not other.flow_style:
        inner = " " * other.value[0][0].start_mark.column
        lines = [f"{indent}{name}:", *(f"{inner}{part}: {value}" for part, value in slot.items())]
    else:
        lines = [f"{indent}{name}: {flow}"]
    place = _next_line(text, _end(key, other))
    begun = "" if text[:place].endswith("\n") else newline
    ended = newline if place < len(text) or not begun else ""
    return _Edit(begin=place, end=place, text=begun + newline.join(lines) + ended)


def _end(key: yaml.Node, value: yaml.Node) -> int:
    """The index behind a value; a block's own mark lies behind the comments that follow it."""
    if isinstance(value, yaml.CollectionNode) and not value.flow_style and value.value:
        last: Any = value.value[-1]
        return _end(*last) if isinstance(value, yaml.MappingNode) else _end(key, last)
    if isinstance(value, yaml.ScalarNode) and not value.value:
        return max(key.end_mark.index, value.end_mark.index if value.style or value.value else 0)
    return value.end_mark.index


def _line_begin(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _next_line(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _apply(text: str, edits: Sequence[_Edit]) -> str:
    for edit in sorted(edits, key=lambda each: each.begin, reverse=True):
        text = text[: edit.begin] + edit.text + text[edit.end :]
    return text
