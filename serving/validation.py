"""Which texts are taken. Pure functions; markup is data and passes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.errors import ErrorType, ServingError
from serving.schemas import Issue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Unicode's category Cc without tab, line feed and carriage return, and unpaired surrogates, which are not text.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_CHARACTERS = "no control characters but tab, line feed and carriage return, no unpaired surrogates"
# More issues than this help no one and would let a small request cause a large answer.
MAX_ISSUES = 10


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request may hold: texts, characters of one text, tokens of one text (special tokens included)."""

    max_inputs: int
    max_characters: int
    max_tokens: int


def check_texts(texts: Sequence[str], limits: Limits) -> None:
    """Refuse what can be refused without a tokenizer.

    Raises:
        ServingError: of type INVALID_INPUT, with an issue for each text that is refused (the first ten).
    """
    if not texts:
        _refuse([Issue(pointer="/inputs", reason="no_texts", allowed=f"1 to {limits.max_inputs} texts", got="0")])
    if len(texts) > limits.max_inputs:
        allowed = f"at most {limits.max_inputs} texts"
        _refuse([Issue(pointer="/inputs", reason="too_many_texts", allowed=allowed, got=str(len(texts)))])
    _refuse(issue for index, text in enumerate(texts) if (issue := _issue_of(index, text, limits)))


def check_tokens(lengths: Iterable[int], limits: Limits, *, special_tokens: int) -> None:
    """Refuse texts by their number of tokens: none of their own, or too many. Nothing is cut off in silence.

    Raises:
        ServingError: of type INVALID_INPUT, with an issue for each text that is refused (the first ten).
    """
    issues: list[Issue] = []
    for index, length in enumerate(lengths):
        if length <= special_tokens:
            issues.append(_issue(index, "no_tokens", "a text with at least one visible character", None))
        elif length > limits.max_tokens:
            issues.append(_issue(index, "too_many_tokens", f"at most {limits.max_tokens} tokens", str(length)))
    _refuse(issues)


def _issue_of(index: int, text: str, limits: Limits) -> Issue | None:
    if not text.strip():
        return _issue(index, "empty", "a text that is not only white space", str(len(text)))
    if len(text) > limits.max_characters:
        return _issue(index, "too_many_characters", f"at most {limits.max_characters} characters", str(len(text)))
    if found := FORBIDDEN.search(text):
        got = f"U+{ord(found.group()):04X} at character {found.start()}"
        return _issue(index, "forbidden_character", _CHARACTERS, got)
    return None


def _issue(index: int, reason: str, allowed: str, got: str | None) -> Issue:
    return Issue(index=index, pointer=f"/inputs/{index}", reason=reason, allowed=allowed, got=got)


def _refuse(issues: Iterable[Issue]) -> None:
    found = list(issues)
    if not found:
        return
    first = found[0]
    where = "inputs" if first.index is None else f"inputs[{first.index}]"
    got = "" if first.got is None else f", got {first.got}"
    more = "" if len(found) == 1 else f" (and {len(found) - 1} more)"
    detail = f"{where}: {first.reason.replace('_', ' ')}: {first.allowed}{got}{more}"
    raise ServingError(ErrorType.INVALID_INPUT, detail, issues=found[:MAX_ISSUES])
