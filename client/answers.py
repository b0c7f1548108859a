"""What a service answers, as types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from client.errors import UnexpectedAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The label of one text.

    Attributes:
        label: the likeliest one.
        score: its probability, from 0 to 1.
        scores: of all labels, where the service is told to return them.
    """

    label: str
    score: float
    scores: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Predictions in the order of the texts, and who made them.

    Attributes:
        query_id: what feedback names the answer by.
        slot: of the release, if the service says so.
        attempts: how often the service was asked.
    """

    service: str
    version: str
    query_id: str
    predictions: tuple[Prediction, ...]
    slot: str | None
    attempts: int


def read_answer(response: httpx.Response, *, texts: int, attempts: int) -> Answer:
    """Read the answer to a request for predictions.

    Raises:
        UnexpectedAnswerError: it is none, or is not about as many texts as were asked.
    """
    try:
        document: dict[str, Any] = response.json()
        answer = Answer(
            service=document["service"],
            version=document["version"],
            query_id=document["query_id"],
            predictions=tuple(
                Prediction(label=each["label"], score=float(each["score"]), scores=each.get("scores"))
                for each in document["predictions"]
            ),
            slot=response.headers.get("X-Inferstack-Slot"),
            attempts=attempts,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnexpectedAnswerError(
            f"status {response.status_code} with what is no prediction ({type(error).__name__}); "
            "is the endpoint that of a service, as in http://HOST/SERVICE?",
            attempts=attempts,
        ) from None
    if len(answer.predictions) != texts:
        raise UnexpectedAnswerError(f"{len(answer.predictions)} predictions for {texts} texts", attempts=attempts)
    return answer
