"""The one error type of the service, and the one table that turns it into an HTTP status."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.schemas import Issue


class ErrorType(StrEnum):
    """What went wrong, as it appears in answers (``type``), in logs and in the metric ``request_errors_total``."""

    MALFORMED = "malformed-request"
    INVALID_INPUT = "invalid-input"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    SLOW_REQUEST = "slow-request"
    BODY_TOO_LARGE = "body-too-large"
    NOT_READY = "not-ready"
    OVERLOADED = "overloaded"
    NO_DATABASE = "no-database"
    TIMEOUT = "timeout"
    INTERNAL = "internal"


STATUS: dict[ErrorType, HTTPStatus] = {
    ErrorType.MALFORMED: HTTPStatus.BAD_REQUEST,
    ErrorType.INVALID_INPUT: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorType.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorType.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    ErrorType.SLOW_REQUEST: HTTPStatus.REQUEST_TIMEOUT,
    ErrorType.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorType.NOT_READY: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorType.OVERLOADED: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorType.NO_DATABASE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorType.TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorType.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}

# Seconds that a client should wait before it tries again; a batch takes far less than a second.
RETRY_AFTER: dict[ErrorType, int] = {ErrorType.NOT_READY: 5, ErrorType.OVERLOADED: 1, ErrorType.NO_DATABASE: 30}


class ServingError(Exception):
    """A request that gets no prediction, and why. The detail must never quote a text."""

    def __init__(self, kind: ErrorType, detail: str, *, issues: list[Issue] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.issues = issues or []
