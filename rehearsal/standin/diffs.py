"""What changed between two sets of inputs, and whether it replaces the resource."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from rehearsal.standin.conditions import replacing
from rehearsal.standin.naming import DEFAULTS, is_automatic
from rehearsal.standin.table import Spec
from rehearsal.standin.values import Value, has_unknown, is_list, is_object, plain

_ORDERED = {"instanceTypes"}
"""Lists whose order means something; AWS takes nearly all others as sets, and so does this."""

_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*")


class Kind(Enum):
    """What happened to a property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One changed property: its path as the engine writes it, its path without indices, and what happened."""

    path: str
    name: str
    kind: Kind
    replaces: bool = False

    @property
    def top(self) -> str:
        """The name of the resource's own property that holds it."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, kw_only=True)
class Diff:
    """Every change, and whether the old resource must go before the new one can come."""

    changes: tuple[Change, ...]
    delete_before_replace: bool


def diff(spec: Spec, old: Mapping[str, Value], new: Mapping[str, Value], ignored: Sequence[str] = ()) -> Diff:
    """Compare the inputs of before with the new ones."""
    this_time = replacing(spec.token, old, new)
    changes = tuple(
        Change(path=path, name=name, kind=kind, replaces=_replaces(spec, name, kind) or _listed(name, this_time))
        for path, name, kind in _walk(plain(old), plain(new), "", "")
        if not (kind is Kind.DELETE and _listed(name, spec.computed)) and not _listed(name, ignored)
    )
    replaced = any(change.replaces for change in changes)
    return Diff(changes=changes, delete_before_replace=replaced and _same_explicit_name(spec, old, new))


def _replaces(spec: Spec, name: str, kind: Kind) -> bool:
    """A property replaces when it, something above it, or (when it comes or goes whole) something inside it does."""
    if name == "region" or _listed(name, spec.replaces):
        return True
    return kind is Kind.UPDATE and any(listed.startswith(f"{name}.") for listed in spec.replaces)


def _listed(name: str, paths: Sequence[str]) -> bool:
    return any(name == path or name.startswith(f"{path}.") for path in paths)


def _same_explicit_name(spec: Spec, old: Mapping[str, Value], new: Mapping[str, Value]) -> bool:
    """Two resources cannot have one name: the bridge deletes first where the program chose the name and keeps it."""
    name = plain(old.get(spec.autoname)) if spec.autoname else None
    return name is not None and not is_automatic(old, spec.autoname) and plain(new.get(spec.autoname)) == name


def _walk(old: Value, new: Value, path: str, name: str) -> Iterator[tuple[str, str, Kind]]:
    """Yield the path, the name without indices and the kind of each difference between plain values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new} - {DEFAULTS}):
            inner = f"{name}.{key}" if name else key
            yield from _compare(old.get(key), new.get(key), _join(path, key), inner)
    elif is_list(old) and is_list(new) and isinstance(old, Sequence) and isinstance(new, Sequence):
        if _same_set(old, new, name):
            return
        for index in range(max(len(old), len(new))):
            one = old[index] if index < len(old) else None
            other = new[index] if index < len(new) else None
            yield from _compare(one, other, f"{path}[{index}]", name)
    elif not _equal(old, new):
        yield path, name, Kind.UPDATE


def _compare(old: Value, new: Value, path: str, name: str) -> Iterator[tuple[str, str, Kind]]:
    if old is None and new is None:
        return
    if old is None or new is None:
        kind = Kind.ADD if old is None else Kind.DELETE
        value = new if old is None else old
        if is_object(value) and isinstance(value, Mapping) and not has_unknown(value):
            for key in sorted(value):
                yield from _compare(
                    None if old is None else value[key],
                    None if new is None else value[key],
                    _join(path, key),
                    f"{name}.{key}",
                )
        else:
            yield path, name, kind
        return
    yield from _walk(old, new, path, name)


def _same_set(old: Sequence[Value], new: Sequence[Value], name: str) -> bool:
    if name.rpartition(".")[2] in _ORDERED or len(old) != len(new) or has_unknown(new):
        return False
    return sorted(map(_text, old)) == sorted(map(_text, new))


def _text(value: Value) -> str:
    return json.dumps(value, sort_keys=True)


def _equal(old: Value, new: Value) -> bool:
    """Two values are the same; two JSON documents, if they say the same."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if old == new:
        return True
    if not (isinstance(old, str) and isinstance(new, str) and old[:1] in "{[" and new[:1] in "{["):
        return False
    try:
        return bool(json.loads(old) == json.loads(new))
    except ValueError:
        return False


def _join(path: str, key: str) -> str:
    """Write a path as the engine reads it: tags.Name, tags["kubernetes.io/name"]."""
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key)}]"
