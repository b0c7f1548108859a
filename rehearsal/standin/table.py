"""What the stand-in knows of each resource type: the tables types/*.toml, replacing.toml and allowed.toml."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from rehearsal.standin.values import Value

_FOLDER = Path(__file__).parent
_KEYS = {"id", "autoname", "autoname-prefix", "longest", "lowercase", "defaults", "outputs"}


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One resource type.

    `id` is the template of its id; `outputs` are templates by dotted path; `defaults` go into the inputs, as the
    bridged provider does it (dotted: into an object that is there); `autoname` is the property that gets a name when
    the program gives none, `autoname_prefix` what the name begins with, `longest` its greatest length, `lowercase`
    whether it is lowered.
    `replaces` are the dotted paths whose change replaces the resource; `computed` those that the cloud fills in;
    `allowed` the values of enumerations that the SDK lacks, by path.
    """

    token: str
    id: str
    autoname: str = ""
    autoname_prefix: str = ""
    longest: int = 255
    lowercase: bool = False
    defaults: Mapping[str, Value] = field(default_factory=dict[str, Value])
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    replaces: Sequence[str] = ()
    computed: Sequence[str] = ()
    allowed: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


@cache
def specs(package: str) -> Mapping[str, Spec]:
    """Return every type that the stand-in knows of a package, by type token."""
    replacing = _load(_FOLDER / "replacing.toml")
    allowed = _load(_FOLDER / "allowed.toml")
    known: dict[str, Spec] = {}
    for file in sorted((_FOLDER / "types").glob("*.toml")):
        for token, entry in _load(file).items():
            if token.partition(":")[0] == package:
                known[token] = _spec(token, entry, replacing.get(token, {}), allowed.get(token, {}))
    return known


def _spec(token: str, entry: Mapping[str, Any], replacing: Mapping[str, Any], allowed: Mapping[str, Any]) -> Spec:
    wrong = (set(entry) - _KEYS) | (set(replacing) - {"replaces", "computed"})
    if wrong:
        raise ValueError(f"{token}: the tables have no key {', '.join(sorted(wrong))}")
    return Spec(
        token=token, **{key.replace("-", "_"): value for key, value in entry.items()}, **replacing, allowed=allowed
    )


def _load(file: Path) -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(file.read_text())
