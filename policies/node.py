"""Reading a resource's properties when some are absent, secret, or not known before the update.

Properties are plain data (mappings, lists, strings, numbers, booleans, None) in which two more things may stand for
a value at any depth:
:data:`UNKNOWN` and :class:`Secret`. A :class:`Node` is a value with its path. Whatever is read below an unknown
value is unknown too, so a rule is written as if all were known and its verdict still comes out right.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from policies.truth import Truth

_LONGEST_SHOWN = 80


class _Unknown(enum.Enum):
    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
"""Stands for a value that the update alone will tell."""


@dataclass(frozen=True)
class Secret:
    """A value that Pulumi keeps encrypted. Its text never gets into a message."""

    value: object = field(repr=False)


class Node:
    """A value and where it stands.

    Attributes:
        value: plain data, None if absent, or UNKNOWN; may hold UNKNOWN and Secret further down.
        path: for a reader, for example ``spec.template.spec.containers[server].image``.
        secret: whether it is, or is part of, a Pulumi secret.
    """

    def __init__(self, value: object, path: str = "", *, secret: bool = False) -> None:
        self.secret = secret or isinstance(value, Secret)
        self.value = value.value if isinstance(value, Secret) else value
        self.path = path

    def __getitem__(self, key: str) -> Node:
        """The value under a key of a mapping; absent where there is none, unknown below an unknown."""
        path = f"{self.path}[{key}]" if "." in key else f"{self.path}.{key}".lstrip(".")
        if self.value is UNKNOWN:
            return Node(UNKNOWN, path, secret=self.secret)
        return Node(_mapping(self.value).get(key), path, secret=self.secret)

    def at(self, *keys: str) -> Node:
        """The value under a path of keys."""
        node = self
        for key in keys:
            node = node[key]
        return node

    def each(self) -> list[Node]:
        """The elements of a list; one unknown element where the list is unknown, none where it is absent."""
        if self.value is UNKNOWN:
            return [Node(UNKNOWN, f"{self.path}[?]", secret=self.secret)]
        return [
            Node(item, f"{self.path}[{_label(item, index)}]", secret=self.secret)
            for index, item in enumerate(_sequence(self.value))
        ]

    def entries(self) -> list[tuple[str | None, Node]]:
        """The keys and values of a mapping; one of unknown key and value where the mapping is unknown."""
        if self.value is UNKNOWN:
            return [(None, Node(UNKNOWN, f"{self.path}.?", secret=self.secret))]
        return [(key, self[key]) for key in _mapping(self.value)]

    @property
    def known(self) -> bool:
        """Whether nothing of it is unknown, at any depth."""
        return _is_known(self.value)

    @property
    def present(self) -> Truth:
        """Whether there is a value."""
        return None if self.value is UNKNOWN else self.value is not None

    @property
    def empty(self) -> Truth:
        """Whether it is absent, or nothing is in it; what is in it need not be known."""
        return None if self.value is UNKNOWN else not self.value

    @property
    def is_true(self) -> Truth:
        """Whether it is the boolean true."""
        return None if self.value is UNKNOWN else self.value is True

    @property
    def is_false(self) -> Truth:
        """Whether it is the boolean false; absent is not."""
        return None if self.value is UNKNOWN else self.value is False

    def test(self, predicate: Callable[[object], bool]) -> Truth:
        """What the predicate says of the plain value, None if that is absent; unknown if any part of it is."""
        return predicate(_without_secrets(self.value)) if self.known else None

    def equals(self, wanted: object) -> Truth:
        """Whether it is this value, of this type."""
        return self.test(lambda value: type(value) is type(wanted) and value == wanted)

    def show(self) -> str:
        """The value for a message: short, on one line, and never a secret."""
        if self.value is None:
            return "nothing"
        if self.secret or _holds_secret(self.value):
            return "[secret]"
        if not self.known:
            return "a value not known yet"
        text = json.dumps(self.value, default=str, ensure_ascii=False)
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def first_present(preferred: Node, fallback: Node) -> Node:
    """The preferred value, or the fallback where that is absent: how a container's setting overrides its pod's."""
    return fallback if preferred.present is False else preferred


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _sequence(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _label(item: object, index: int) -> str:
    name = _mapping(item).get("name")
    return name if isinstance(name, str) else str(index)


def _children(value: object) -> list[object]:
    if isinstance(value, Secret):
        return [value.value]
    if isinstance(value, Mapping):
        return list(cast("Mapping[str, object]", value).values())
    return _sequence(value)


def _is_known(value: object) -> bool:
    return value is not UNKNOWN and all(_is_known(child) for child in _children(value))


def _holds_secret(value: object) -> bool:
    return isinstance(value, Secret) or any(_holds_secret(child) for child in _children(value))


def _without_secrets(value: object) -> object:
    if isinstance(value, Secret):
        return _without_secrets(value.value)
    if isinstance(value, Mapping):
        return {key: _without_secrets(child) for key, child in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_without_secrets(child) for child in _sequence(cast("object", value))]
    return value
