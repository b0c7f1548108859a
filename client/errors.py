"""What can go wrong, as types. No message holds a text or a user."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One reason why a request was refused.

    Attributes:
        reason: a stable word.
        allowed: what would be accepted.
        pointer: JSON pointer into the request.
        index: which text, from 0; None when it is about the whole request.
        got: a size or a code point.
    """

    reason: str
    allowed: str
    pointer: str
    index: int | None = None
    got: str | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What an answer says of a failure.

    Attributes:
        status: of the answer.
        kind: stable word for what is wrong, ``invalid-input`` for example; ``gateway`` where no service answered.
        detail: a sentence.
        query_id: names the request in the service's logs; None where no service answered.
        issues: what is wrong with which text.
        retry_after: seconds that the service asked to wait.
    """

    status: int
    kind: str
    detail: str
    query_id: str | None = None
    issues: tuple[Issue, ...] = ()
    retry_after: float | None = None


class ClientError(Exception):
    """All of these.

    Attributes:
        attempts: how often the service was asked.
    """

    def __init__(self, message: str, *, attempts: int) -> None:
        super().__init__(message)
        self.attempts = attempts


class _AnsweredError(ClientError):
    def __init__(self, problem: Problem, *, attempts: int) -> None:
        super().__init__(f"{problem.status} {problem.kind}: {problem.detail}", attempts=attempts)
        self.problem = problem


class RefusedError(_AnsweredError):
    """The service does not take this request, and will not take it the next time (4xx).

    Attributes:
        problem: what it says.
    """


class UnavailableError(_AnsweredError):
    """The service or the gateway could not answer (5xx, 408 or 429), also when asked again.

    Attributes:
        problem: what the last answer says.
    """


class NoAnswerError(ClientError):
    """Nothing answered within the time, or the connection broke, also when tried again; the cause says how."""


class UnexpectedAnswerError(ClientError):
    """What answered is no service of this kind."""
