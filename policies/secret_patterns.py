"""Telling a secret from a setting by its name, its format or its randomness. Never repeats the value."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from policies.node import Node
    from policies.truth import Truth

# Names whose value is secret, as whole words: MAX_TOKENS and TOKENIZERS_PARALLELISM are settings.
_SECRET_WORDS: Final = re.compile(
    r"(^|[_.-])(passwd|password|passphrase|pwd|secret|token|credentials?|api_?key|access_?key|private_?key|auth_?key)([_.-]|$)",
    re.IGNORECASE,
)
# … and what such a name ends in when it only says where the secret is.
_REFERENCE_ENDINGS: Final = re.compile(r"[_.-](file|path|dir|name|ref|arn|id|url|ttl|seconds|timeout)$", re.IGNORECASE)

_KNOWN_FORMATS: Final[dict[str, re.Pattern[str]]] = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
    "a GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{30,}"),
    "a Slack token or webhook": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/\S+"),
    "a Stripe key": re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
    "an API key": re.compile(r"\b(sk-[A-Za-z0-9_-]{32,}|AIza[A-Za-z0-9_-]{35})"),
    "a signed web token": re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    "a URL with a password": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@"),
}
# One run of 24 or more characters as keys have them, mixed and near-random; a hash in hexadecimal stays below.
_KEY_CHARACTERS: Final = re.compile(r"(?=\S*[a-z])(?=\S*[A-Z])(?=\S*[0-9])[A-Za-z0-9+/_-]{24,}={0,2}")
_LEAST_BITS_PER_CHARACTER: Final = 4.0


@dataclass(frozen=True)
class Judged:
    """Whether a value is harmless, and if not what it looks like.

    Attributes:
        harmless: None if name or value are not known yet.
        what: for a message.
    """

    harmless: Truth
    what: str


def in_clear(name: str | None, value: Node) -> Judged:
    """Judge a literal value by the name it is given under (None: not known)."""
    if value.present is False:
        return Judged(harmless=True, what="nothing")
    if value.secret:
        return Judged(harmless=False, what="a Pulumi secret, which stands there in clear once it is deployed")
    text = value.value if isinstance(value.value, str) else ""
    looks_like = _format_of(text)
    if looks_like:
        return Judged(harmless=False, what=looks_like)
    # An empty value gives nothing away, whatever its name.
    if name is not None and _is_secret_name(name) and text:
        return Judged(harmless=False, what="a literal value under the name of a secret")
    undecided = not value.known or (name is None and bool(text))
    return Judged(harmless=None if undecided else True, what="a setting")


def _is_secret_name(name: str) -> bool:
    return _SECRET_WORDS.search(name) is not None and _REFERENCE_ENDINGS.search(name) is None


def _format_of(text: str) -> str:
    for what, pattern in _KNOWN_FORMATS.items():
        if pattern.search(text):
            return what
    if _KEY_CHARACTERS.fullmatch(text) and _bits_per_character(text) >= _LEAST_BITS_PER_CHARACTER:
        return "a value as random as a key"
    return ""


def _bits_per_character(text: str) -> float:
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
