"""Text with placeholders, and the values that go into them.

`{hex:17}` is seventeen hexadecimal digits, `{digits:12}`, `{upper:17}` (A to Z and 0 to 9) and `{mixed:6}` likewise,
`{uuid}` a UUID: made from the seed, so that the same resource always gets the same. `{word}` and `{a.b}` name a value
that the caller looks up; `{a|b|'text'}` takes the first that is there.
"""

import hashlib
import re
import string
import uuid
from collections.abc import Callable, Mapping, Sequence

from rehearsal.standin.values import UNKNOWN, Secret, Value, unwrap

_PLACEHOLDER = re.compile(r"\{([\w.:|'-]+)\}")
_ALPHABETS = {
    "hex": "0123456789abcdef",
    "digits": string.digits,
    "upper": string.ascii_uppercase + string.digits,
    "mixed": string.ascii_letters + string.digits,
}

Lookup = Callable[[str], Value]
"""Returns the value of a placeholder's word; None where there is none."""


def letters(alphabet: str, length: int, seed: str) -> str:
    """Return `length` letters of an alphabet, the same for the same seed."""
    choices = _ALPHABETS[alphabet]
    number = int.from_bytes(hashlib.shake_256(f"{alphabet}:{seed}".encode()).digest(length + 8))
    made: list[str] = []
    for _ in range(length):
        number, index = divmod(number, len(choices))
        made.append(choices[index])
    return "".join(made)


def render(template: Value, lookup: Lookup, seed: str) -> Value:
    """Fill in a template, or every template inside a list or mapping.

    A template that is one placeholder gives that value in its own type. Text around something unknown is unknown,
    text around a secret is secret.
    """
    if isinstance(template, Mapping):
        return {key: render(item, lookup, f"{seed}.{key}") for key, item in template.items()}
    if isinstance(template, Sequence) and not isinstance(template, str):
        return [render(item, lookup, f"{seed}.{index}") for index, item in enumerate(template)]
    if not isinstance(template, str):
        return template
    whole = _PLACEHOLDER.fullmatch(template)
    if whole:
        return _value(whole[1], lookup, seed)
    values = [_value(match[1], lookup, seed) for match in _PLACEHOLDER.finditer(template)]
    if any(unwrap(value) is UNKNOWN for value in values):
        text: Value = UNKNOWN
    else:
        filling = iter(values)
        text = _PLACEHOLDER.sub(lambda _: _text(unwrap(next(filling))), template)
    return Secret(text) if any(isinstance(value, Secret) for value in values) else text


def _value(placeholder: str, lookup: Lookup, seed: str) -> Value:
    alphabet, _, length = placeholder.partition(":")
    if alphabet in _ALPHABETS and length.isdecimal():
        return letters(alphabet, int(length), seed)
    if placeholder == "uuid":
        return str(uuid.UUID(hex=letters("hex", 32, seed), version=4))
    for word in placeholder.split("|"):
        value = word[1:-1] if word.startswith("'") else lookup(word)
        if unwrap(value) is not None:
            return value
    return None


def _text(value: Value) -> str:
    return "" if value is None else str(value)
