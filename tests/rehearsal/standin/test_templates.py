"""Made-up ids: well-formed, and the same each time."""

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standin.templates import letters, render
from rehearsal.standin.values import UNKNOWN, Secret, Value

seeds = st.text(max_size=60)
PATTERNS = {"hex": "[0-9a-f]", "digits": "[0-9]", "upper": "[A-Z0-9]", "mixed": "[A-Za-z0-9]"}


@given(st.sampled_from(sorted(PATTERNS)), st.integers(1, 64), seeds)
def test_letters_have_their_alphabet_and_length(alphabet: str, length: int, seed: str) -> None:
    """An id has the letters and the length that AWS gives it, and the same seed gives the same id."""
    made = letters(alphabet, length, seed)
    assert re.fullmatch(f"{PATTERNS[alphabet]}{{{length}}}", made)
    assert made == letters(alphabet, length, seed)


@given(st.lists(seeds, unique=True, min_size=2, max_size=40))
def test_different_resources_get_different_ids(several: list[str]) -> None:
    """Seventeen hexadecimal digits tell all resources of a stack apart."""
    assert len({letters("hex", 17, seed) for seed in several}) == len(several)


@given(seeds)
def test_a_uuid_is_one(seed: str) -> None:
    """A UUID is a version 4 UUID."""
    made = render("{uuid}", lambda _: None, seed)
    assert uuid.UUID(str(made)).version == 4


def _known(word: str) -> Value:
    return {"a": "x", "n": 3, "u": UNKNOWN, "s": Secret("hidden"), "l": ["1"]}.get(word)


def test_placeholders_are_filled() -> None:
    """One placeholder keeps its value's type; text is joined; the first that is there wins."""
    assert render("{n}", _known, "") == 3
    assert render("{a}-{n}", _known, "") == "x-3"
    assert render("{none|a}", _known, "") == "x"
    assert render("{none|'text'}", _known, "") == "text"
    assert render({"k": ["{l}", True]}, _known, "") == {"k": [["1"], True]}


def test_unknown_and_secret_values_stay_what_they_are() -> None:
    """Text around something unknown is unknown, around a secret secret."""
    assert render("{a}{u}", _known, "") is UNKNOWN
    assert render("{a}:{s}", _known, "") == Secret("x:hidden")


def test_json_is_no_template() -> None:
    """A policy document passes as it is."""
    text = '{"Statement":[{"Principal":{"AWS":"*"}}]}'
    assert render(text, _known, "") == text
