"""The API in process, with real ONNX Runtime: answers, refusals, limits, the OpenAPI document."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.serving.tiny import MAX_TOKENS, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fastapi.testclient import TestClient
    from httpx2 import Response

    RunApp = Callable[..., AbstractContextManager[TestClient]]


def ask(client: TestClient, *texts: str) -> Response:
    """Ask for predictions."""
    return client.post("/v1/predict", json={"inputs": texts})


def test_answers_each_text_in_order(client: TestClient) -> None:
    """A label and a score for each text, with the version of the model and a query_id."""
    answer = ask(client, "wonderful", "bad", "<b>great</b>")
    body = answer.json()
    assert answer.status_code == 200
    assert [prediction["label"] for prediction in body["predictions"]] == ["positive", "negative", "positive"]
    assert body["predictions"][0]["score"] == pytest.approx(0.6608, abs=1e-4)
    assert (body["service"], body["version"]) == ("sentiment", VERSION)
    assert body["query_id"] == answer.headers["X-Query-Id"]


def test_each_answer_names_slot_and_version(client: TestClient) -> None:
    """A refusal too: a client that counts failures knows whether a version failed or what is before it."""
    for answer in (ask(client, "wonderful"), ask(client), client.get("/nowhere")):
        assert (answer.headers["X-Inferstack-Slot"], answer.headers["X-Inferstack-Version"]) == ("stable", VERSION)


def test_padding_and_truncation_of_the_tokenizer_file_are_undone(client: TestClient) -> None:
    """A text has the same score alone and beside longer ones, and all its tokens count."""
    long = " ".join(["good"] * (MAX_TOKENS - 2))
    alone = ask(client, "sad").json()["predictions"][0]["score"]
    together = ask(client, long, "sad").json()["predictions"]
    assert together[1]["score"] == pytest.approx(alone, abs=1e-6)
    assert together[0]["score"] == pytest.approx(0.8520, abs=1e-4)


@pytest.mark.parametrize(
    ("body", "status", "pointer", "reason"),
    [
        ({"inputs": []}, 422, "/inputs", "no_texts"),
        ({"inputs": ["good"] * 65}, 422, "/inputs", "too_many_texts"),
        ({"inputs": ["good", " "]}, 422, "/inputs/1", "empty"),
        ({"inputs": ["good", "a" * 4001]}, 422, "/inputs/1", "too_many_characters"),
        ({"inputs": ["good", "good " * 15]}, 422, "/inputs/1", "too_many_tokens"),
        ({"inputs": ["a\u0007"]}, 422, "/inputs/0", "forbidden_character"),
        ({"inputs": ["good", 3]}, 422, "/inputs/1", "wrong_type"),
        ({"inputs": ["good", None]}, 422, "/inputs/1", "wrong_type"),
        ({"inputs": "good"}, 422, "/inputs", "wrong_type"),
        ({"texts": ["good"]}, 422, "/inputs", "missing"),
        ({"inputs": ["good"], "top_k": 1}, 422, "/top_k", "unknown_key"),
        (["good"], 422, "", "wrong_type"),
    ],
)
def test_refusals_say_which_why_and_what_is_allowed(
    client: TestClient, body: object, status: int, pointer: str, reason: str
) -> None:
    """Every wrong input is answered by a problem document with pointer, reason and what is allowed."""
    answer = client.post("/v1/predict", content=json.dumps(body), headers={"content-type": "application/json"})
    problem = answer.json()
    assert answer.status_code == status == problem["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "urn:inferstack:problem:invalid-input"
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["reason"]) == (pointer, reason)
    assert problem["errors"][0]["allowed"]


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b'{"inputs": ["good"', 400, "malformed-request"),
        (b'{"inputs": ["\xff"]}', 400, "malformed-request"),
        (b"[" * 200_000, 400, "malformed-request"),
        (b'{"inputs": ["\\ud800"]}', 422, "invalid-input"),
        (b'{"inputs": ["' + b"a" * 2 * 1024**2 + b'"]}', 413, "body-too-large"),
        (b"", 422, "invalid-input"),
    ],
)
def test_bodies_that_are_no_request(client: TestClient, content: bytes, status: int, kind: str) -> None:
    """A body that cannot be read is answered by a 4xx of its own kind, whatever is in it."""
    answer = client.post("/v1/predict", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:inferstack:problem:{kind}")


def test_a_body_of_many_wrong_items_is_answered_briefly(client: TestClient) -> None:
    """A small request must not cause a large answer."""
    content = b'{"inputs": [' + b"1," * 900_000 + b"1]}"
    answer = client.post("/v1/predict", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert len(answer.content) < 1000


def test_paths_and_methods_that_do_not_exist(client: TestClient) -> None:
    """Wrong paths and methods get problem documents too."""
    assert client.get("/v2/predict").json()["type"] == "urn:inferstack:problem:not-found"
    answer = client.get("/v1/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_time_limit(run_app: RunApp, slow_model: Path) -> None:
    """A request that is not answered in time gets a 504 and its texts are not run any more."""
    with run_app(model_dir=slow_model, request_timeout_seconds=0.1) as client:
        answer = ask(client, "good", "bad", "sad")
        assert (answer.status_code, answer.json()["type"]) == (504, "urn:inferstack:problem:timeout")


def test_load_is_shed_when_the_queue_is_full(run_app: RunApp, slow_model: Path) -> None:
    """More texts than may wait are answered by 503 with Retry-After, and readiness says why."""
    with (
        run_app(model_dir=slow_model, max_queue=2, max_batch=1, batch_wait_milliseconds=0) as client,
        ThreadPoolExecutor(24) as pool,
    ):
        answers = list(pool.map(ask, [client] * 24, ["good"] * 24))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all(answer.headers["Retry-After"] == "1" for answer in refused)
    assert refused[0].json()["type"] == "urn:inferstack:problem:overloaded"


def test_many_clients_at_once(client: TestClient) -> None:
    """Concurrent requests get their own answers."""
    texts = ["wonderful", "bad", "good good", "poor film"] * 25
    with ThreadPoolExecutor(16) as pool:
        answers = [answer.json() for answer in pool.map(ask, [client] * len(texts), texts)]
    expected = {text: ask(client, text).json()["predictions"][0]["label"] for text in set(texts)}
    assert [answer["predictions"][0]["label"] for answer in answers] == [expected[text] for text in texts]
    assert len({answer["query_id"] for answer in answers}) == len(texts)


def test_openapi_document(client: TestClient) -> None:
    """The document has the limits of this process and problem documents for all failures."""
    document = client.get("/openapi.json").json()
    inputs = document["components"]["schemas"]["PredictRequest"]["properties"]["inputs"]
    assert (inputs["minItems"], inputs["maxItems"], inputs["items"]["maxLength"]) == (1, 64, 4000)
    responses = document["paths"]["/v1/predict"]["post"]["responses"]
    assert set(responses) == {"200", "400", "408", "413", "422", "503", "504"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
