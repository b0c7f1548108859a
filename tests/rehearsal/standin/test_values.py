"""Values of the protocol."""

from google.protobuf import struct_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.standin.values import (
    UNKNOWN,
    UNKNOWN_SENTINEL,
    Secret,
    Value,
    decode,
    encode,
    has_secret,
    has_unknown,
    plain,
)

leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.just(UNKNOWN)
plain_values: st.SearchStrategy[Value] = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1, max_size=9), inner),
    max_leaves=6,
)
values = plain_values | plain_values.map(Secret) | st.lists(plain_values.map(Secret))


@settings(max_examples=40)
@given(st.dictionaries(st.text(min_size=1, max_size=9), values, max_size=3))
def test_what_is_written_is_read_again(properties: dict[str, Value]) -> None:
    """Secrets, unknown values, numbers and nesting survive the wire."""
    assert decode(encode(properties)) == properties


def test_an_output_value_is_read() -> None:
    """Should the engine send an output value, its content, secrecy and being unknown are kept."""
    signature = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
    struct = struct_pb2.Struct()
    key = "4dabf18193072939515e22adb298388d"
    struct.update(
        {
            "known": {key: signature, "value": "a", "secret": True},
            "unknown": {key: signature, "secret": False},
        }
    )
    assert decode(struct) == {"known": Secret("a"), "unknown": UNKNOWN}


def test_the_sentinel_is_the_engines() -> None:
    """An unknown value is the engine's own text for it."""
    assert encode({"a": UNKNOWN}).fields["a"].string_value == UNKNOWN_SENTINEL


def test_what_is_inside_is_found() -> None:
    """Unknown and secret values are found at any depth; plain values lose their secrecy alone."""
    value: Value = {"a": [1, Secret({"b": UNKNOWN})]}
    assert has_unknown(value)
    assert has_secret(value)
    assert not has_secret(plain(value))
    assert plain(value) == {"a": [1, {"b": UNKNOWN}]}
