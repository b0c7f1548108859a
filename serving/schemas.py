"""What goes over the wire: requests, answers, problems and probe reports."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field, StrictStr


class PredictRequest(BaseModel):
    """Texts to classify."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"inputs": ["a wonderful film"]}]})

    # The first wrong item ends the check: a body of a million wrong items must not cost a million messages.
    inputs: Annotated[list[StrictStr], FailFast()] = Field(
        description="the texts; markup is text like any other and is neither refused nor removed"
    )


class Prediction(BaseModel):
    """The label of one text and the probability that the model gives it."""

    label: str
    score: float = Field(ge=0, le=1)
    scores: dict[str, float] | None = Field(
        default=None, description="of all labels; absent unless the service is told to return them"
    )


class PredictResponse(BaseModel):
    """One prediction for each text, in the order of the request."""

    service: str
    version: str = Field(description="version of the model that answered")
    query_id: str = Field(description="names this answer in logs and in feedback")
    predictions: list[Prediction]


class Issue(BaseModel):
    """One reason why a request was refused."""

    index: int | None = Field(default=None, description="which text, from 0; absent when it is about the whole request")
    pointer: str = Field(description="JSON pointer into the request body")
    reason: str = Field(description="what is wrong, as a stable word")
    allowed: str = Field(description="what would be accepted")
    got: str | None = Field(default=None, description="a size or a code point, never the text")


class Problem(BaseModel):
    """Why a request failed (RFC 9457, application/problem+json)."""

    type: str = Field(description="urn:inferstack:problem: and the error type")
    title: str
    status: int
    detail: str
    query_id: str
    errors: list[Issue] = Field(default_factory=list[Issue])


class Check(BaseModel):
    """One condition of a probe."""

    name: str
    ok: bool
    reason: str = Field(description="what was found, also when all is well")


class ProbeReport(BaseModel):
    """Answer of a probe: 200 when ok, else 503 with the first failed check as the reason."""

    ok: bool
    reason: str
    checks: list[Check]
