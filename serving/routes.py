"""The paths of the service."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import APIRouter, Depends, Request, Response

from serving import health
from serving.schemas import Prediction, PredictRequest, PredictResponse, ProbeReport, Problem
from serving.user_metrics import Predicted
from serving.validation import check_texts, check_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.flags import Flags
    from serving.logs import TextHasher
    from serving.metrics import Metrics
    from serving.runtime import Runtime


class Parts:
    """What the handlers need; one for each application."""

    def __init__(self, *, runtime: Runtime, metrics: Metrics, hasher: TextHasher, flags: Flags) -> None:
        self.runtime = runtime
        self.metrics = metrics
        self.hasher = hasher
        self.flags = flags


def parts_of(request: Request) -> Parts:
    """Find the parts of the application that serves a request."""
    return cast("Parts", request.app.state.parts)


UsedParts = Annotated[Parts, Depends(parts_of)]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in {
        400: "the body is not JSON",
        408: "the body came too slowly",
        413: "the body is too large",
        422: "a text is refused; errors says which, why, and what is allowed",
        503: "not ready, or too many texts wait; Retry-After says when to try again",
        504: "no answer in time",
    }.items()
}

PREDICT_PATH = "/v1/predict"
api = APIRouter(tags=["predict"])
operations = APIRouter(tags=["operations"])


@api.post(PREDICT_PATH, responses=_PROBLEMS, response_model_exclude_none=True)
async def predict(body: PredictRequest, request: Request, parts: UsedParts) -> PredictResponse:
    """Classify texts: one label and score for each, in the order of the request."""
    texts, state = body.inputs, request.scope["state"]
    loaded = parts.runtime.require()
    model = loaded.model
    state.update(version=model.card.version, texts=len(texts))
    check_texts(texts, loaded.limits)
    state["text_hashes"] = [parts.hasher.hash(text) for text in texts]
    trace = state.get("trace")
    started = time.monotonic()
    # Rust code that releases the interpreter's lock: the event loop goes on answering others.
    tokens = await asyncio.to_thread(model.encode, texts)
    if trace is not None:
        trace.tokenized(started, tokens=sum(map(len, tokens)))
    check_tokens(map(len, tokens), loaded.limits, special_tokens=model.special_tokens)
    outcome = await asyncio.wrap_future(parts.runtime.submit(tokens, trace))
    best = [(int(row.argmax()), float(row.max())) for row in outcome.rows]
    labels = model.card.labels
    predictions = [Prediction(label=labels[index], score=score) for index, score in best]
    state["predicted"] = Predicted(
        labels=[each.label for each in predictions],
        confidence=sum(each.score for each in predictions),
        tokens=sum(map(len, tokens)),
        batch_texts=outcome.batch_texts,
    )
    if parts.flags.values.all_scores:
        for each, row in zip(predictions, outcome.rows, strict=True):
            each.scores = dict(zip(labels, row.tolist(), strict=True))
    return PredictResponse(
        service=model.card.service,
        version=model.card.version,
        query_id=state["query_id"],
        predictions=predictions,
    )


@operations.get("/metrics", response_class=Response)
def metrics(request: Request, parts: UsedParts) -> Response:
    """Metrics in the format that is asked for: OpenMetrics, which has exemplars, or Prometheus' text format."""
    parts.metrics.ready.set(health.ready(parts.runtime).ok)
    text, media_type = parts.metrics.exposition(request.headers.get("accept", ""))
    return Response(text, headers={"Content-Type": media_type})


def _add_probe(name: str, probe: Callable[[Runtime], ProbeReport]) -> None:
    async def answer(parts: UsedParts, response: Response) -> ProbeReport:
        report = probe(parts.runtime)
        response.status_code = 200 if report.ok else 503
        return report

    operations.add_api_route(
        name,
        answer,
        methods=["GET"],
        description=probe.__doc__,
        summary=probe.__name__,
        responses={503: {"model": ProbeReport, "description": "the first failed check is the reason"}},
    )


_add_probe("/startupz", health.startup)
_add_probe("/livez", health.live)
_add_probe("/readyz", health.ready)
