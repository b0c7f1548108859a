"""Feedback over SQLite, as in the local stack."""

from __future__ import annotations

import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event, exc

from serving.settings import Settings, SettingsError
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fastapi.testclient import TestClient

QUERY = "0123456789abcdef" * 2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "feedback.sqlite"


@pytest.fixture
def client(
    run_app: Callable[..., AbstractContextManager[TestClient]], tiny_model: Path, file: Path
) -> Generator[TestClient]:
    """A service with a database."""
    with run_app(model_dir=tiny_model, database_url=f"sqlite:///{file}") as client:
        yield client


def _rows(file: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT service, query_id, rating, comment FROM feedback ORDER BY id").fetchall()


def test_feedback_of_an_answer_is_stored(client: TestClient, file: Path) -> None:
    """The query_id of an answer takes a rating and a comment, the comment may be left out, and opinions may change."""
    answer = client.post("/v1/predict", json={"inputs": ["a wonderful film"]}).json()
    query = answer["query_id"]
    for body in (
        {"query_id": query, "rating": 5, "comment": "so it is, <b>true</b>; '"},
        {"query_id": query, "rating": 1},
    ):
        stored = client.post("/v1/feedback", json=body)
        assert (stored.status_code, stored.json()) == (201, {"query_id": query})
    service = answer["service"]
    assert _rows(file) == [(service, query, 5, "so it is, <b>true</b>; '"), (service, query, 1, None)]


def test_the_first_users_may_come_together(client: TestClient, file: Path) -> None:
    """Whoever comes while the table is being made is served like everybody else."""
    with ThreadPoolExecutor(20) as users:
        body = {"query_id": QUERY, "rating": 3}
        answers = [users.submit(client.post, "/v1/feedback", json=body) for _ in range(20)]
        assert {each.result().status_code for each in answers} == {201}
    assert len(_rows(file)) == 20


@pytest.mark.parametrize(
    ("body", "pointer", "allowed"),
    [
        ({"query_id": QUERY, "rating": 6}, "/rating", "from 1, wrong, to 5, right: a whole number"),
        ({"query_id": QUERY, "rating": "5"}, "/rating", "from 1, wrong, to 5, right: a whole number"),
        ({"query_id": "x", "rating": 5}, "/query_id", "the query_id of an answer"),
        ({"query_id": QUERY}, "/rating", "from 1, wrong, to 5, right: a whole number"),
        ({"query_id": QUERY, "rating": 5, "comment": "x" * 2001}, "/comment", "up to 2000 characters"),
        ({"query_id": QUERY, "rating": 5, "comment": "secret\x00"}, "/comment", "up to 2000 characters"),
        ({"query_id": QUERY, "rating": 5, "user": "secret"}, "/user", "a JSON object with query_id, rating, comment"),
        ([], "", "a JSON object with query_id, rating, comment"),
    ],
)
def test_what_is_not_allowed_is_refused(
    client: TestClient, file: Path, body: object, pointer: str, allowed: str
) -> None:
    """A wrong body is 422 with where, why and what is allowed, and never what was sent; nothing is stored."""
    answer = client.post("/v1/feedback", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:inferstack:problem:invalid-input"
    assert problem["errors"][0]["pointer"] == pointer
    assert problem["errors"][0]["allowed"].startswith(allowed)
    assert "secret" not in answer.text
    assert not file.exists()


def test_what_is_no_json_is_malformed(client: TestClient) -> None:
    """A body that is no JSON is answered as everywhere else."""
    answer = client.post("/v1/feedback", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:inferstack:problem:malformed-request"


def test_without_a_database_there_is_no_such_path(
    run_app: Callable[..., AbstractContextManager[TestClient]], tiny_model: Path
) -> None:
    """A service that was told of no database takes no feedback, and does not claim to."""
    with run_app(model_dir=tiny_model) as client:
        assert client.post("/v1/feedback", json={"query_id": QUERY, "rating": 5}).status_code == 404
        assert "/v1/feedback" not in client.get("/openapi.json").json()["paths"]


def test_feedback_that_may_be_stored_is_not_asked_for_again(client: TestClient) -> None:
    """A connection that is lost in the commit leaves that open: no Retry-After, or clients would send it twice."""

    def lost(_connection: object) -> None:
        raise exc.OperationalError("COMMIT", None, ConnectionError("gone"))

    body = {"query_id": QUERY, "rating": 5}
    assert client.post("/v1/feedback", json=body).status_code == 201
    event.listen(sa.Engine, "commit", lost)
    try:
        answer = client.post("/v1/feedback", json=body)
    finally:
        event.remove(sa.Engine, "commit", lost)
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:inferstack:problem:timeout")
    assert "retry-after" not in answer.headers
    assert client.post("/v1/feedback", json=body).status_code == 201


def test_a_database_that_is_gone_hurts_feedback_alone(
    run_app: Callable[..., AbstractContextManager[TestClient]],
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without its database the service is ready and predicts; feedback is 503, and no word of it is in the log."""
    with run_app(model_dir=tiny_model, database_url=f"sqlite:///{tmp_path}/no/such/folder/x.sqlite") as client:
        answer = client.post("/v1/feedback", json={"query_id": QUERY, "rating": 5, "comment": "my secret"})
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:inferstack:problem:no-database"
        assert answer.headers["retry-after"] == "30"
        assert client.get("/readyz").status_code == 200
        assert client.post("/v1/predict", json={"inputs": ["fine"]}).status_code == 200
    output = capsys.readouterr()
    assert "my secret" not in output.out + output.err


def test_a_database_that_hangs_holds_nobody_else(
    run_app: Callable[..., AbstractContextManager[TestClient]], tiny_model: Path
) -> None:
    """However much feedback waits for a database that does not answer, metrics and predictions are answered at once."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        url = f"postgresql+psycopg://127.0.0.1:{silent.getsockname()[1]}/x?sslmode=disable"
        with (
            run_app(model_dir=tiny_model, database_url=url, request_timeout_seconds=2) as client,
            ThreadPoolExecutor(60) as users,
        ):
            body = {"query_id": QUERY, "rating": 5}
            waiting = [users.submit(client.post, "/v1/feedback", json=body) for _ in range(60)]
            eventually(lambda: "http_requests_active 6" in client.get("/metrics").text)
            assert client.post("/v1/predict", json={"inputs": ["fine"]}).status_code == 200
            assert not any(each.done() for each in waiting)
            assert {each.result().status_code for each in waiting} <= {503, 504}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"SERVING_DATABASE_URL": "postgresql+psycopg://me:secret@host/x"}, "without user and password"),
        ({"SERVING_DATABASE_URL": "mysql://host/x"}, "SERVING_DATABASE_URL="),
        ({"SERVING_DATABASE_CREDENTIALS_DIR": "/x"}, "SERVING_DATABASE_URL is not: set both or none"),
        (
            {"SERVING_DATABASE_URL": "sqlite:////x", "SERVING_DATABASE_CREDENTIALS_DIR": "/x"},
            "is SQLite's, which has none",
        ),
    ],
)
def test_a_database_is_told_of_without_its_password(variables: dict[str, str], sentence: str) -> None:
    """Credentials in the URL would be in the environment, where they cannot be rotated."""
    with pytest.raises(SettingsError, match=sentence):
        Settings.from_environment(variables)
