"""Both clients against the real service, and against one that fails."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from client import (
    Answer,
    AsyncClient,
    Client,
    NoAnswerError,
    RefusedError,
    Retries,
    UnavailableError,
    UnexpectedAnswerError,
    user_bucket,
)
from client.buckets import BUCKET_HEADER
from client.clients import SLOT_HEADER
from infra import routing
from serving import user_metrics
from serving.app import create_app
from serving.settings import Settings
from tests.serving.tiny import VERSION, write_model
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Sequence

AT_ONCE = Retries(first_seconds=0, most_seconds=0)
PREDICTED = {"service": "s", "version": "1.0.0", "query_id": "0" * 32, "predictions": [{"label": "a", "score": 1}]}


def run(work: Coroutine[Any, Any, Answer | None]) -> Answer | None:
    """Run what a test awaits, in a loop of its own."""
    loop = asyncio.new_event_loop()  # asyncio.run would take this thread's own away from Pulumi's tests
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


class Caller:
    """Either client, asked in the same way."""

    def __init__(
        self,
        kind: str,
        endpoint: str,
        answers: Sequence[httpx.Response | Exception] = (),
        **given: Any,  # noqa: ANN401
    ) -> None:
        self.seen: list[httpx.Request] = []
        self._kind = kind
        self._endpoint = endpoint
        self._answers = iter(answers)
        self._given: dict[str, Any] = (
            {"retries": AT_ONCE} | given | ({"transport": self._transport()} if answers else {})
        )

    def predict(self, texts: Sequence[str], **given: Any) -> Answer:  # noqa: ANN401
        """Ask for predictions."""
        answer = self._call("predict", texts, **given)
        assert answer is not None
        return answer

    def feedback(self, *args: Any, **given: Any) -> None:  # noqa: ANN401
        """Send feedback."""
        self._call("feedback", *args, **given)

    def _call(self, method: str, *args: Any, **given: Any) -> Answer | None:  # noqa: ANN401
        if self._kind == "sync":
            with Client(self._endpoint, **self._given) as client:
                return getattr(client, method)(*args, **given)

        async def call() -> Answer | None:
            async with AsyncClient(self._endpoint, **self._given) as client:
                return await getattr(client, method)(*args, **given)

        return run(call())

    def _transport(self) -> httpx.MockTransport:
        def answer(request: httpx.Request) -> httpx.Response:
            self.seen.append(request)
            given = next(self._answers)
            if isinstance(given, Exception):
                raise given
            return given

        return httpx.MockTransport(answer)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Give both clients in turn."""
    return request.param


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Run the real service with the tiny model; give its URL."""
    folder = tmp_path_factory.mktemp("client")
    settings = Settings(
        model_dir=write_model(folder / "model"), threads=1, database_url=f"sqlite:///{folder}/feedback.db"
    )
    app = create_app(settings)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level=logging.ERROR))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            eventually(lambda: app.state.parts.runtime.phase == "serving")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


def test_one_text_is_no_list_of_texts(kind: str) -> None:
    """Its letters are not classified one by one."""
    caller = Caller(kind, "http://x", [httpx.Response(200, json=PREDICTED)])
    with pytest.raises(TypeError, match="a list of texts is allowed, and not one text"):
        caller.predict("a wonderful film")
    assert not caller.seen


def test_predictions_of_the_real_service(kind: str, service: str) -> None:
    """Texts in, typed predictions out, in their order, with who made them; feedback names the answer."""
    caller = Caller(kind, service + "/")
    answer = caller.predict(["a wonderful film", "bad"], user="alice")
    assert [each.label for each in answer.predictions] == ["positive", "negative"]
    assert all(0.5 < each.score <= 1 for each in answer.predictions)
    assert (answer.service, answer.version, answer.slot, answer.attempts) == ("sentiment", VERSION, "stable", 1)
    caller.feedback(answer.query_id, 5, comment="so it is", user="alice")
    metrics = httpx.get(service + "/metrics").text
    unit = f"{int(user_bucket('alice')) // 2:03d}"
    assert f'user_requests_total{{unit="{unit}"}}' in metrics
    assert f'user_feedback_total{{unit="{unit}",verdict="right"}}' in metrics


def test_a_refusal_of_the_real_service(kind: str, service: str) -> None:
    """What is wrong with which text, and what is allowed, are attributes; the message holds no text."""
    with pytest.raises(RefusedError, match=r"^422 invalid-input: inputs\[1\]: empty") as caught:
        Caller(kind, service).predict(["good", " "])
    problem = caught.value.problem
    assert (problem.status, problem.kind, caught.value.attempts) == (422, "invalid-input", 1)
    assert [(issue.index, issue.reason) for issue in problem.issues] == [(1, "empty")]
    assert problem.query_id is not None


def test_a_wrong_path_is_told(kind: str, service: str) -> None:
    """An endpoint that is no service's is an error that says so."""
    with pytest.raises(RefusedError, match="404 not-found"):
        Caller(kind, service + "/sentimental").predict(["good"])
    documents: tuple[object, ...] = ([], {"predictions": 1}, PREDICTED | {"predictions": []})
    for document in documents:
        with pytest.raises(UnexpectedAnswerError):
            Caller(kind, "http://x", [httpx.Response(200, json=document)]).predict(["good"])


def test_the_users_name_stays_here(kind: str) -> None:
    """The bucket is sent, the name is nowhere in the request; testers name a slot."""
    caller = Caller(kind, "http://x/sentiment", [httpx.Response(200, json=PREDICTED)] * 2, slot="candidate")
    caller.predict(["good"], user="alice@example.org")
    caller.predict(["good"])
    first, second = caller.seen
    assert str(first.url) == "http://x/sentiment/v1/predict"
    assert first.headers[BUCKET_HEADER] == user_bucket("alice@example.org")
    assert "alice" not in f"{first.url}{first.headers}{first.content!r}"
    assert BUCKET_HEADER not in second.headers
    assert [each.headers[SLOT_HEADER] for each in caller.seen] == ["candidate"] * 2


def test_predictions_are_asked_for_again(kind: str) -> None:
    """A lost connection, a busy service and a gateway without one are got over, with one and the same request."""
    failures = [httpx.ReadError("x"), httpx.Response(503, headers={"Retry-After": "0"}), httpx.Response(502)]
    caller = Caller(kind, "http://x", [*failures, httpx.Response(200, json=PREDICTED)])
    assert caller.predict(["good"], user="a").attempts == 4
    assert len({(each.content, each.headers[BUCKET_HEADER]) for each in caller.seen}) == 1


def test_feedback_is_not_stored_twice(kind: str) -> None:
    """It is sent again when the service asks for that, and not when nobody knows what became of it."""
    caller = Caller(kind, "http://x", [httpx.Response(503, headers={"Retry-After": "0"}), httpx.Response(201)])
    caller.feedback("0" * 32, 1)
    assert len(caller.seen) == 2
    for lost, error in ((httpx.ReadTimeout("x"), NoAnswerError), (httpx.Response(503), UnavailableError)):
        caller = Caller(kind, "http://x", [lost])
        with pytest.raises(error):
            caller.feedback("0" * 32, 1)
        assert len(caller.seen) == 1


def test_what_stays_broken_is_an_error_with_its_cause(kind: str) -> None:
    """After the last attempt the error says what was seen last, and how often was asked."""
    with pytest.raises(NoAnswerError, match=r"^ConnectError; 4 attempts in 0\.\d s$") as lost:
        Caller(kind, "http://x", [httpx.ConnectError("x")] * 4).predict(["good"])
    assert isinstance(lost.value.__cause__, httpx.ConnectError)
    with pytest.raises(UnavailableError, match="503 gateway: Service Unavailable") as busy:
        Caller(kind, "http://x", [httpx.Response(503, text="no healthy upstream")] * 4).predict(["good"])
    assert (busy.value.attempts, busy.value.problem.query_id) == (4, None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"endpoint": "x/y"}, "endpoint='x/y': http://HOST/SERVICE"),
        ({"endpoint": "http://x:y"}, "endpoint=.*: http://HOST/SERVICE"),
        ({"endpoint": "http://x", "timeout": 0}, "timeout=0: more than 0 seconds is allowed"),
    ],
)
def test_arguments_that_are_not_allowed(given: dict[str, Any], said: str) -> None:
    """They are refused when the client is made, with what is allowed."""
    with pytest.raises(ValueError, match=said):
        Client(**given)
    with pytest.raises(ValueError, match=said):
        AsyncClient(**given)


def test_all_use_the_same_names() -> None:
    """The library, the service and the routes agree on the headers, and on how many buckets there are."""
    assert BUCKET_HEADER == user_metrics.HEADER == routing.USER_BUCKET_HEADER
    assert user_metrics.OWN_HEADER == routing.SHADOW_HEADER
    assert SLOT_HEADER == routing.SLOT_HEADER
    assert len({user_bucket(str(number)) for number in range(20_000)}) == routing.BUCKETS
