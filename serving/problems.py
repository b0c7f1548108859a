"""Turns every failure into one problem document (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from serving.errors import RETRY_AFTER, STATUS, ErrorType, ServingError
from serving.schemas import Issue, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI, Request
    from starlette.responses import Response
    from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"
_HTTP_TYPES = {
    HTTPStatus.NOT_FOUND: ErrorType.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: ErrorType.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ErrorType.BODY_TOO_LARGE,
}
_SENTENCES = {
    ErrorType.MALFORMED: "the body cannot be read as JSON: it is not UTF-8, or nested too deeply",
    ErrorType.NOT_FOUND: "there is nothing at this path; see /docs",
    ErrorType.METHOD_NOT_ALLOWED: "this path takes another method; see the Allow header and /docs",
}


def respond(scope: Scope, error: ServingError, *, headers: dict[str, str] | None = None) -> Response:
    """Build the answer to a failed request and note the error type for the log and the metrics."""
    state = scope["state"]
    state["error_type"] = error.kind.value
    state["error_detail"] = error.detail
    status = STATUS[error.kind]
    problem = Problem(
        type=f"urn:inferstack:problem:{error.kind}",
        title=error.kind.replace("-", " "),
        status=status,
        detail=error.detail,
        query_id=state["query_id"],
        errors=error.issues,
    )
    all_headers = dict(headers or {})
    if error.kind in RETRY_AFTER:
        all_headers["Retry-After"] = str(RETRY_AFTER[error.kind])
    content = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, status_code=status, headers=all_headers, media_type=MEDIA_TYPE)


def install(app: FastAPI, *, max_body_bytes: int) -> None:
    """Make an application answer with problems, whoever raised the error."""

    def on_serving_error(request: Request, error: Exception) -> Response:
        return respond(request.scope, cast("ServingError", error))

    def on_schema_error(request: Request, error: Exception) -> Response:
        return respond(request.scope, _from_schema(cast("RequestValidationError", error)))

    def on_http_error(request: Request, error: Exception) -> Response:
        http = cast("HTTPException", error)
        kind = _HTTP_TYPES.get(HTTPStatus(http.status_code), ErrorType.MALFORMED)
        detail = _SENTENCES.get(kind, str(http.detail))
        if kind is ErrorType.BODY_TOO_LARGE:
            detail = f"the body is larger than {max_body_bytes} bytes"
        return respond(request.scope, ServingError(kind, detail), headers=dict(http.headers or {}))

    app.add_exception_handler(ServingError, on_serving_error)
    app.add_exception_handler(RequestValidationError, on_schema_error)
    app.add_exception_handler(HTTPException, on_http_error)


def _from_schema(error: RequestValidationError) -> ServingError:
    """Say what the schema refused, without the value."""
    first = error.errors()[0]
    location: Sequence[str | int] = first["loc"][1:]  # without "body"
    if first["type"] == "json_invalid":
        return ServingError(ErrorType.MALFORMED, f"the body is not JSON: {first['ctx']['error']} at byte {location[0]}")
    pointer = "".join(f"/{part}" for part in location)
    index = next((part for part in location if isinstance(part, int)), None)
    where = f"inputs[{index}]" if index is not None else (pointer.removeprefix("/") or "body")
    reason, allowed = _REASONS.get(first["type"], ("wrong_type", '{"inputs": ["text", ...]} as application/json'))
    issue = Issue(index=index, pointer=pointer, reason=reason, allowed=allowed)
    return ServingError(
        ErrorType.INVALID_INPUT, f"{where}: {reason.replace('_', ' ')}; allowed: {allowed}", issues=[issue]
    )


_REASONS = {
    "string_type": ("wrong_type", "a JSON string"),
    "string_unicode": ("unpaired_surrogate", "well-formed Unicode"),
    "list_type": ("wrong_type", "a list of JSON strings"),
    "missing": ("missing", '{"inputs": ["text", ...]} as application/json'),
    "extra_forbidden": ("unknown_key", 'only the key "inputs"'),
}
