"""Automatic names, as the bridged providers give them: the resource's name and seven hexadecimal digits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rehearsal.standin.checks import Failure
from rehearsal.standin.cloud import Memory
from rehearsal.standin.table import Spec
from rehearsal.standin.templates import letters, render
from rehearsal.standin.values import Properties, Value, unwrap

DEFAULTS = "__defaults"
"""The input under which the bridge lists the properties that it filled in itself."""

_DIGITS = 7
_UNIQUE = 26


@dataclass(frozen=True, kw_only=True)
class Autoname:
    """Whose name is wanted, and the name that the engine proposes where its own automatic naming is configured."""

    urn: str
    proposed: str = ""


def too_long(spec: Spec, inputs: Mapping[str, Value]) -> Iterator[Failure]:
    """Yield a failure for a name that the program gives and AWS would not take for its length."""
    name = unwrap(inputs.get(spec.autoname)) if spec.autoname else None
    if isinstance(name, str) and len(name) > spec.longest:
        reason = f"{name!r} is {len(name)} characters long; at most {spec.longest} are allowed"
        yield Failure(path=spec.autoname, reason=reason)


def fill(
    spec: Spec, inputs: Properties, old: Mapping[str, Value] | None, named: Autoname, memory: Memory
) -> Properties:
    """Return the inputs with defaults and an automatic name, and the list of what was filled in.

    `old` are the inputs of before; None for a new resource and for the one that takes the place of another.
    `named` says whose name it is. A name once given is kept; a replacement gets another, so that both can exist for
    a while.
    """
    filled: Properties = {
        key: value for key, value in spec.defaults.items() if "." not in key and inputs.get(key) is None
    }
    if spec.autoname and inputs.get(spec.autoname) is None and not _prefixed(spec, inputs):
        filled[spec.autoname] = _name(spec, old, named, memory)
    given = {key: value for key, value in inputs.items() if key != DEFAULTS and value is not None}
    for path, value in spec.defaults.items():
        name, _, inner = path.partition(".")
        there = given.get(name)
        if inner and isinstance(there, Mapping):
            given[name] = {inner: value, **there}
    return {**given, **filled, DEFAULTS: sorted(filled)}


def is_automatic(inputs: Mapping[str, Value], name: str) -> bool:
    """Tell whether the stand-in filled in this property itself."""
    listed = inputs.get(DEFAULTS)
    return isinstance(listed, list | tuple) and name in listed


def prefixed(spec: Spec, inputs: Mapping[str, Value], urn: str, memory: Memory) -> Value:
    """Return the name that the provider makes of a prefix that the program gave; None where it gave none.

    It is the prefix and 26 characters, and another one for a resource that takes the place of another.
    """
    if not spec.autoname or inputs.get(spec.autoname) is not None or not _prefixed(spec, inputs):
        return None
    seed = f"{urn}#{memory.replaced.get(urn, '')}"
    return render(f"{{prefix}}{{hex:{_UNIQUE}}}", lambda _: inputs[f"{spec.autoname}Prefix"], seed)


def _prefixed(spec: Spec, inputs: Mapping[str, Value]) -> bool:
    """Tell whether the program gave the prefix of the name instead, and lets AWS choose the rest."""
    return inputs.get(f"{spec.autoname}Prefix") is not None


def _name(spec: Spec, old: Mapping[str, Value] | None, named: Autoname, memory: Memory) -> str:
    urn = named.urn
    if old is not None and is_automatic(old, spec.autoname):
        kept = unwrap(old.get(spec.autoname))
        if isinstance(kept, str):
            memory.names[urn] = kept
            return kept
    if named.proposed:
        return named.proposed
    base = urn.rpartition("::")[2]
    suffix = letters("hex", _DIGITS, f"{urn}#{memory.names.get(urn, '')}")
    stem = f"{spec.autoname_prefix}{base}"[: spec.longest - _DIGITS - 1]
    name = f"{stem}-{suffix}"
    return name.lower() if spec.lowercase else name
