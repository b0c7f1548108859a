"""What users say of answers: ``POST /v1/feedback``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import structlog
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr

from serving.database import Database, DatabaseError, UnknownEndError
from serving.errors import ErrorType, ServingError
from serving.routes import UsedParts  # noqa: TC001 - FastAPI reads the handler's annotations when it runs
from serving.schemas import Issue, Problem
from serving.validation import FORBIDDEN, MAX_ISSUES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response

_log = structlog.stdlib.get_logger("serving.feedback")


def _no_control_characters(text: str) -> str:
    if FORBIDDEN.search(text):
        raise ValueError
    return text


class FeedbackRequest(BaseModel):
    """What a user says of one answer."""

    model_config = ConfigDict(extra="forbid")

    query_id: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{32}$", description="the query_id of an answer")]
    rating: Annotated[StrictInt, Field(ge=1, le=5, description="from 1, wrong, to 5, right: a whole number")]
    comment: Annotated[StrictStr, AfterValidator(_no_control_characters)] | None = Field(
        default=None, max_length=2000, description="up to 2000 characters, no control characters"
    )


class FeedbackResponse(BaseModel):
    """The feedback is stored."""

    query_id: str


class _Route(APIRoute):
    """Says of a refused body what this path allows."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except RequestValidationError as error:
                if error.errors()[0]["type"] == "json_invalid":
                    raise
                raise _refused(error) from None

        return handle


def _refused(error: RequestValidationError) -> ServingError:
    issues = [_issue(str(details["loc"][1]) if len(details["loc"]) > 1 else "") for details in error.errors()]
    first = issues[0]
    detail = f"{first.pointer.removeprefix('/') or 'body'}: {first.reason}; allowed: {first.allowed}"
    return ServingError(ErrorType.INVALID_INPUT, detail, issues=issues[:MAX_ISSUES])


def _issue(name: str) -> Issue:
    field = FeedbackRequest.model_fields.get(name)
    if field is None:
        allowed = f"a JSON object with {', '.join(FeedbackRequest.model_fields)}"
        return Issue(pointer=f"/{name}" if name else "", reason="not_allowed", allowed=allowed)
    return Issue(pointer=f"/{name}", reason="not_allowed", allowed=field.description or "")


def router(database: Database) -> APIRouter:
    """The path of feedback, for an application that has a database."""
    feedback = APIRouter(tags=["feedback"], route_class=_Route)

    @feedback.post(
        "/v1/feedback",
        status_code=201,
        responses={
            422: {"model": Problem, "description": "the feedback is refused; errors says why, and what is allowed"},
            503: {"model": Problem, "description": "no database, or not ready; Retry-After says when to try again"},
            504: {"model": Problem, "description": "whether it was stored is not known"},
        },
    )
    async def store(body: FeedbackRequest, request: Request, parts: UsedParts) -> FeedbackResponse:
        """Store what a user says of an answer."""
        card = parts.runtime.require().model.card
        request.scope["state"]["version"] = card.version
        try:
            await database.add(service=card.service, query_id=body.query_id, rating=body.rating, comment=body.comment)
        except DatabaseError as error:
            _log.warning("feedback not stored", error=str(error))
            raise ServingError(ErrorType.NO_DATABASE, "feedback cannot be stored now; try again later") from None
        except UnknownEndError as error:
            _log.warning("whether feedback is stored is not known", error=str(error))
            raise ServingError(ErrorType.TIMEOUT, "whether the feedback was stored is not known") from None
        parts.metrics.users.rated(request.scope["headers"], body.rating)
        return FeedbackResponse(query_id=body.query_id)

    return feedback
