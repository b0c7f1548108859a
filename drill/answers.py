"""What came back: a line for each request, and what is counted over them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The end of one request.

    Attributes:
        at: when it was to be sent, in seconds since 1970.
        seconds: from then to its end, so that waiting for a turn counts.
        status: of HTTP; 0 when no answer came.
        slot: which answered; None when no pod did.
        version: likewise.
        bucket: of the user; None for a stranger.
        error: why no answer came, or who answered with a failure; None when all is well.
    """

    at: float
    seconds: float
    status: int
    slot: str | None
    version: str | None
    bucket: int | None
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the user got no prediction."""
        return self.status != HTTPStatus.OK

    def line(self) -> str:
        """As JSON in one line."""
        return json.dumps(asdict(self), separators=(",", ":"))


def parse(line: str) -> Answer:
    """The reverse of :meth:`Answer.line`."""
    return Answer(**json.loads(line))


class AnswerFile:
    """Answers that another process is writing, read as far as they are there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self.answers: list[Answer] = []

    def read(self) -> list[Answer]:
        """All answers so far; a line that is not whole yet comes next time."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return self.answers
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        self.answers.extend(parse(line) for line in data[:whole].decode().splitlines())
        return self.answers


def between(answers: Iterable[Answer], begin: float, end: float) -> Iterator[Answer]:
    """Those whose requests were to be sent from one time to another."""
    return (answer for answer in answers if begin <= answer.at < end)


def by_version(answers: Iterable[Answer]) -> dict[str, dict[str, int]]:
    """Requests and failures for each version; ``none`` where no pod answered."""
    requests, failures = Counter[str](), Counter[str]()
    for answer in answers:
        name = answer.version or "none"
        requests[name] += 1
        failures[name] += answer.failed
    return {name: {"requests": count, "failed": failures[name]} for name, count in sorted(requests.items())}


def not_of(answers: Iterable[Answer], bad: str | None) -> list[Answer]:
    """Failures that a bad version did not answer itself."""
    return [answer for answer in answers if answer.failed and (bad is None or answer.version != bad)]


def quantile(answers: Iterable[Answer], share: float) -> float | None:
    """The latency in seconds that a share of the answers stays below; None where there is no answer."""
    ordered = sorted(answer.seconds for answer in answers)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
