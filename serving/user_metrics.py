"""What users have met, for the evidence of a release: sums for each unit of users, and how Prometheus reads them.

A client sends the bucket of its user, of which there are a thousand; two buckets are a unit, the smallest group of
users that two versions are compared by. Only units that were seen have series. They are written here and not by the
client library of Prometheus: five thousand series are 1 ms of the interpreter at each scrape, and were 17 to 23.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER: Final = "X-User-Bucket"
"""Three digits: what a client makes of its user's name, which it never sends."""
OWN_HEADER: Final = "X-Inferstack-Shadow"
"""On requests that the comparator of mirrored requests makes: they are no user's, and are not mirrored again."""
NO_UNIT: Final = "none"
_UNITS: Final = {f"{bucket:03d}".encode(): f"{bucket // 2:03d}" for bucket in range(1000)}
# Differences of logarithms are ratios of times. None takes less than this, so that the sum never falls.
LEAST_SECONDS: Final = 1e-4
_LEAST_RIGHT, _MOST_WRONG = 4, 2
_CLIENT_ERRORS, _SERVER_ERRORS = 400, 500

FAMILIES: Final = {
    "user_requests_total": "Answers to requests for predictions but those with a status of 4xx.",
    "user_errors_total": "Those of them with a status of 5xx.",
    "user_log_seconds_total": "Sum of ln(seconds / 0.0001) of the answers that user_requests_total counts.",
    "user_tokens_total": "Tokens of the texts that were predicted.",
    "user_batch_texts_total": "Sum over requests of the texts in the runs that they were part of, their mean.",
    "user_confidence_total": "Sum of the scores of the predicted labels.",
    "user_texts_total": "Texts by predicted label.",
    "user_feedback_total": "Feedback by what it says: ratings of 1 and 2 are wrong, 4 and 5 right.",
}
"""Counters, each with a label ``unit``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What a request was answered with.

    Attributes:
        labels: of each text.
        confidence: sum of their scores.
        tokens: of all texts.
        batch_texts: texts in a run that had texts of this request, in the mean.
    """

    labels: list[str]
    confidence: float
    tokens: int
    batch_texts: float


_HEADER, _OWN_HEADER = HEADER.lower().encode(), OWN_HEADER.lower().encode()


def unit_of(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """The unit of a request's user; ``none`` without the header, with two of them, or with one that is no bucket.

    Args:
        headers: of the request, their names in small letters.
    """
    found = [value for name, value in headers if name == _HEADER]
    return _UNITS.get(found[0], NO_UNIT) if len(found) == 1 else NO_UNIT


def is_own(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the comparator of mirrored requests made a request."""
    return any(name == _OWN_HEADER for name, _ in headers)


class UserMetrics:
    """The sums of one process. Any thread may add, any may read."""

    def __init__(self) -> None:
        # By family, then by labels as they are written.
        self._sums: dict[str, dict[str, float]] = {family: {} for family in FAMILIES}
        self._lock = threading.Lock()

    def answered(
        self, headers: Sequence[tuple[bytes, bytes]], *, status: int, seconds: float, predicted: Predicted | None
    ) -> None:
        """Take note of an answer to a request for predictions.

        Args:
            headers: of the request, their names in small letters.
            status: of the answer; 0 when the client left before it.
            seconds: that it took.
            predicted: what it said, if there were predictions.
        """
        if status == 0 or _CLIENT_ERRORS <= status < _SERVER_ERRORS or is_own(headers):
            return
        unit = f'unit="{unit_of(headers)}"'
        with self._lock:
            self._add("user_requests_total", unit, 1)
            self._add("user_errors_total", unit, status >= _SERVER_ERRORS)
            self._add("user_log_seconds_total", unit, math.log(max(seconds / LEAST_SECONDS, 1.0)))
            if predicted is None:
                return
            self._add("user_tokens_total", unit, predicted.tokens)
            self._add("user_batch_texts_total", unit, predicted.batch_texts)
            self._add("user_confidence_total", unit, predicted.confidence)
            for label in predicted.labels:
                self._add("user_texts_total", f'{unit},label="{_escaped(label)}"', 1)

    def rated(self, headers: Sequence[tuple[bytes, bytes]], rating: int) -> None:
        """Take note of feedback that was stored; a rating of 3 says neither."""
        if _MOST_WRONG < rating < _LEAST_RIGHT:
            return
        verdict = "wrong" if rating <= _MOST_WRONG else "right"
        with self._lock:
            self._add("user_feedback_total", f'unit="{unit_of(headers)}",verdict="{verdict}"', 1)

    def exposition(self, *, openmetrics: bool) -> str:
        """All series, in Prometheus' text format or in OpenMetrics, without the line that ends the latter."""
        with self._lock:
            found = {family: dict(sums) for family, sums in self._sums.items()}
        lines: list[str] = []
        for family, sums in found.items():
            name = family.removesuffix("_total") if openmetrics else family
            lines += (f"# HELP {name} {FAMILIES[family]}", f"# TYPE {name} counter")
            lines += [f"{family}{{{labels}}} {float(value)!r}" for labels, value in sums.items()]
        return "\n".join(lines) + "\n"

    def _add(self, family: str, labels: str, amount: float) -> None:
        sums = self._sums[family]
        sums[labels] = sums.get(labels, 0) + amount


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
