"""Which texts are taken, for any texts."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import ErrorType, ServingError
from serving.validation import MAX_ISSUES, Limits, check_texts, check_tokens

if TYPE_CHECKING:
    from serving.schemas import Issue

LIMITS = Limits(max_inputs=8, max_characters=20, max_tokens=16)
# All of Unicode, unpaired surrogates included.
ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=30)


def acceptable(text: str) -> bool:
    """Say by Unicode's own tables what the service's expression must say."""
    forbidden = any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\t\n\r" for c in text)
    return bool(text.strip()) and len(text) <= LIMITS.max_characters and not forbidden


def refusal(texts: list[str]) -> list[Issue]:
    """Give the issues of a refused request."""
    with pytest.raises(ServingError) as caught:
        check_texts(texts, LIMITS)
    assert caught.value.kind is ErrorType.INVALID_INPUT
    return caught.value.issues


@given(st.lists(ANY_TEXT, min_size=1, max_size=LIMITS.max_inputs))
def test_refuses_exactly_the_unacceptable(texts: list[str]) -> None:
    """Every refused text is named by its index, and every other text passes."""
    bad = [index for index, text in enumerate(texts) if not acceptable(text)]
    if not bad:
        check_texts(texts, LIMITS)
        return
    issues = refusal(texts)
    assert [issue.index for issue in issues] == bad[:MAX_ISSUES]
    assert all(issue.pointer == f"/inputs/{issue.index}" and issue.allowed for issue in issues)


@given(st.lists(ANY_TEXT.filter(lambda text: len(text) > 3), min_size=1, max_size=LIMITS.max_inputs))
def test_never_quotes_a_text(texts: list[str]) -> None:
    """No refusal repeats what was sent: answers and logs must not carry texts."""
    try:
        check_texts(texts, LIMITS)
    except ServingError as error:
        said = error.detail + "".join(issue.model_dump_json() for issue in error.issues)
        assert not any(text in said for text in texts if not text.isspace() and not text.isascii())


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "'; DROP TABLE films; --", "{{7*7}}", "../../etc/passwd", "a\tb\nc", "👩‍👩‍👧"]
)
def test_markup_is_data(text: str) -> None:
    """Text that would be dangerous elsewhere is classified like any other."""
    check_texts([text], Limits(max_inputs=1, max_characters=100, max_tokens=16))


@pytest.mark.parametrize(
    ("texts", "reason", "got"),
    [
        ([], "no_texts", "0"),
        (["a"] * 9, "too_many_texts", "9"),
        (["\u00a0 \n"], "empty", "3"),
        (["a" * 21], "too_many_characters", "21"),
        (["ab\x00"], "forbidden_character", "U+0000 at character 2"),
        (["\ud800"], "forbidden_character", "U+D800 at character 0"),
    ],
)
def test_says_what_and_how_much(texts: list[str], reason: str, got: str) -> None:
    """A refusal has a stable reason and the size or code point that was found."""
    [issue] = refusal(texts)
    assert (issue.reason, issue.got) == (reason, got)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_tokens_are_bounded_on_both_sides(lengths: list[int]) -> None:
    """A text without tokens of its own or with too many is refused; nothing is cut off in silence."""
    bad = [index for index, length in enumerate(lengths) if not 2 < length <= 16]
    if not bad:
        check_tokens(lengths, LIMITS, special_tokens=2)
        return
    with pytest.raises(ServingError) as caught:
        check_tokens(lengths, LIMITS, special_tokens=2)
    assert [issue.index for issue in caught.value.issues] == bad
