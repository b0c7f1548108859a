"""Property values as the engine sends them (a protobuf Struct with sentinels), and as plain Python."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from google.protobuf import struct_pb2

UNKNOWN_SENTINEL = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine writes a value that is not known before the update."""

_SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 the protocol's constant, not a secret
_OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


class _Unknown:
    """The type of UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
"""A value that only the update will tell."""


@dataclass(frozen=True)
class Secret:
    """A value that must stay secret wherever it goes; `value` is never itself a Secret."""

    value: "Value"


Value = None | bool | int | float | str | _Unknown | Secret | Sequence["Value"] | Mapping[str, "Value"]
Properties = dict[str, Value]


def unwrap(value: Value) -> Value:
    """Return the value inside a secret, or the value itself."""
    return value.value if isinstance(value, Secret) else value


def is_object(value: Value) -> bool:
    """Tell whether this is a mapping of properties."""
    return isinstance(value, Mapping)


def is_list(value: Value) -> bool:
    """Tell whether this is a list."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def contains(value: Value, test: Callable[[Value], bool]) -> bool:
    """Tell whether the value, or anything inside it, passes the test."""
    if test(value):
        return True
    inner = unwrap(value)
    if isinstance(inner, Mapping):
        return any(contains(item, test) for item in inner.values())
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return any(contains(item, test) for item in inner)
    return False


def has_unknown(value: Value) -> bool:
    """Tell whether the value is unknown or holds something unknown."""
    return contains(value, lambda item: item is UNKNOWN)


def has_secret(value: Value) -> bool:
    """Tell whether the value is secret or holds something secret."""
    return contains(value, lambda item: isinstance(item, Secret))


def plain(value: Value) -> Value:
    """Return the value with every secret opened; for comparing and hashing, never for outputs."""
    inner = unwrap(value)
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(item) for item in inner]
    return inner


def decode(struct: struct_pb2.Struct) -> Properties:
    """Read the engine's properties; whole numbers become int."""
    return {key: _decode(value) for key, value in struct.fields.items()}


def _decode(value: struct_pb2.Value) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value == UNKNOWN_SENTINEL else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _decode_object(value.struct_value)
    return None


def _decode_object(struct: struct_pb2.Struct) -> Value:
    signature = struct.fields[_SIGNATURE_KEY].string_value if _SIGNATURE_KEY in struct.fields else ""
    if signature == _SECRET_SIGNATURE:
        return Secret(unwrap(_decode(struct.fields["value"])))
    if signature == _OUTPUT_SIGNATURE:
        inner = _decode(struct.fields["value"]) if "value" in struct.fields else UNKNOWN
        return Secret(unwrap(inner)) if struct.fields["secret"].bool_value else inner
    return decode(struct)


def encode(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    """Write properties as the engine reads them."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        _encode(value, struct.fields[key])
    return struct


def _encode(value: Value, into: struct_pb2.Value) -> None:
    if value is UNKNOWN:
        into.string_value = UNKNOWN_SENTINEL
    elif value is None:
        into.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, int | float):
        into.number_value = value
    elif isinstance(value, str):
        into.string_value = value
    elif isinstance(value, Secret):
        into.struct_value.fields[_SIGNATURE_KEY].string_value = _SECRET_SIGNATURE
        _encode(value.value, into.struct_value.fields["value"])
    elif isinstance(value, Mapping):
        into.struct_value.SetInParent()
        for key, item in value.items():
            _encode(item, into.struct_value.fields[key])
    else:
        into.list_value.SetInParent()
        for item in cast("Sequence[Value]", value):
            _encode(item, into.list_value.values.add())
