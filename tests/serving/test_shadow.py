"""The comparator of mirrored requests: what it counts, what it drops, and that it asks nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.app import create_app as create_service
from serving.settings import Settings
from serving.shadow import ShadowSettings, create_app, main
from serving.user_metrics import HEADER, OWN_HEADER
from tests.serving.test_process import HOST, free_port
from tests.serving.tiny import write_model
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
    from pathlib import Path

    from serving.comparison import Comparator

STABLE, CANDIDATE = "http://sentiment-stable:8080", "http://sentiment-candidate:8080"
SETTINGS = ShadowSettings(stable_url=STABLE, candidate_url=CANDIDATE, concurrency=2, timeout_seconds=5)
Answer = httpx.Response | Exception


def labels(*predicted: str) -> httpx.Response:
    """Answer with those labels."""
    return httpx.Response(200, json={"predictions": [{"label": label, "score": 0.9} for label in predicted]})


class Slots(httpx.AsyncBaseTransport):
    """Two slots that answer what they are told, once they may."""

    def __init__(self, stable: Answer, candidate: Answer) -> None:
        self.answers = {"sentiment-stable": stable, "sentiment-candidate": candidate}
        self.asked: list[httpx.Request] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Note what was asked; fail if that is what was told."""
        self.asked.append(request)
        await self.may_answer.wait()
        answer = self.answers[request.url.host]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content)


S = TypeVar("S", bound=httpx.AsyncBaseTransport)
Counts = dict[tuple[str, ...], float]


class Mirror:
    """The gateway, as far as it mirrors."""

    def __init__(self, client: httpx.AsyncClient, comparator: Comparator) -> None:
        self.client = client
        self._comparator = comparator

    async def send(
        self,
        *,
        path: str = "/v1/predict",
        body: bytes = b'{"inputs": ["good"]}',
        headers: dict[str, str] | None = None,
    ) -> int:
        """Mirror a request; nobody reads the answer but its status."""
        return (await self.client.post(path, content=body, headers=headers)).status_code

    async def counts(self) -> Counts:
        """What was counted, once nothing runs."""
        await self._comparator.finish()
        return {key: value for key, value in (await self.now()).items() if value}

    async def now(self) -> Counts:
        """What is counted now."""
        text = (await self.client.get("/metrics")).text
        return {
            (each.name, *each.labels.values()): each.value
            for family in text_string_to_metric_families(text)
            for each in family.samples
        }


@asynccontextmanager
async def mirroring(slots: httpx.AsyncBaseTransport) -> AsyncGenerator[Mirror]:
    """Run the comparator in process."""
    app = create_app(SETTINGS, transport=slots)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sentiment-shadow") as client:
        comparator: Comparator = app.state.shadow.comparator
        yield Mirror(client, comparator)
        await comparator.close()


def run(slots: Callable[[], S], steps: Callable[[Mirror, S], Awaitable[None]]) -> None:
    """Run the steps of a test against a comparator, in a loop of their own."""

    async def body() -> None:
        made = slots()
        async with asyncio.timeout(20), mirroring(made) as mirror:
            await steps(mirror, made)

    loop = asyncio.new_event_loop()  # asyncio.run would take this thread's own away from Pulumi's tests
    try:
        loop.run_until_complete(body())
    finally:
        loop.close()


COMPARED = {("shadow_comparisons_total", "007"): 1.0}
AGREED = COMPARED | {("shadow_agreements_total", "007"): 1.0}


@pytest.mark.parametrize(
    ("stable", "candidate", "counted"),
    [
        (labels("good", "bad"), labels("good", "bad"), AGREED),
        (labels("good", "bad"), labels("good", "good"), COMPARED),
        (labels("good"), labels("good", "good"), COMPARED),
        (labels("good"), httpx.Response(422), COMPARED),
        (httpx.Response(422), httpx.Response(422), {("shadow_dropped_total", "refused"): 1.0}),
        (labels("good"), httpx.Response(500), {("shadow_failures_total", "candidate", "007"): 1.0}),
        (httpx.Response(429), labels("good"), {("shadow_failures_total", "stable", "007"): 1.0}),
        (labels("good"), httpx.ReadTimeout("x"), {("shadow_failures_total", "candidate", "007"): 1.0}),
        (labels("good"), httpx.Response(200, text="no JSON"), {("shadow_failures_total", "candidate", "007"): 1.0}),
        (labels("good"), httpx.Response(200, json=[1]), {("shadow_failures_total", "candidate", "007"): 1.0}),
        (
            httpx.ConnectError("x"),
            httpx.Response(503),
            {("shadow_failures_total", slot, "007"): 1.0 for slot in ("stable", "candidate")},
        ),
    ],
)
def test_what_is_counted(stable: Answer, candidate: Answer, counted: Counts) -> None:
    """Agreement is the same label for every text; one that refuses disagrees; one that fails is no comparison."""

    async def steps(mirror: Mirror, _slots: Slots) -> None:
        assert await mirror.send(headers={HEADER: "014"}) == 202
        assert await mirror.counts() == counted

    run(lambda: Slots(stable, candidate), steps)


def test_both_are_asked_the_same_and_nothing_of_the_user() -> None:
    """The body goes to both slots as it came, under the path of the service, without the user's bucket."""
    body = '{"inputs": ["wonderful ☂"]}'.encode()

    async def steps(mirror: Mirror, slots: Slots) -> None:
        await mirror.send(path="/sentiment/v1/predict", body=body, headers={HEADER: "014", "Authorization": "x"})
        await mirror.counts()
        assert {str(request.url) for request in slots.asked} == {f"{STABLE}/v1/predict", f"{CANDIDATE}/v1/predict"}
        for request in slots.asked:
            assert request.content == body
            assert request.headers[OWN_HEADER] == "1"
            assert not {HEADER.lower(), "authorization"} & {name.lower() for name in request.headers}

    run(lambda: Slots(labels("good"), labels("good")), steps)


def test_too_many_are_dropped_and_do_not_wait() -> None:
    """While as many comparisons run as may, others are dropped and counted; a place that is free again is used."""

    async def steps(mirror: Mirror, slots: Slots) -> None:
        slots.may_answer.clear()
        assert [await mirror.send() for _ in range(5)] == [202] * 5
        assert (await mirror.now())[("shadow_requests_active",)] == 2
        slots.may_answer.set()
        await mirror.counts()
        await mirror.send()
        assert await mirror.counts() == {
            ("shadow_comparisons_total", "none"): 3.0,
            ("shadow_agreements_total", "none"): 3.0,
            ("shadow_dropped_total", "busy"): 3.0,
        }

    run(lambda: Slots(labels("good"), labels("good")), steps)


def test_it_never_answers_itself() -> None:
    """A request of its own that comes back is dropped: a wrong address makes no loop."""

    async def steps(mirror: Mirror, slots: Slots) -> None:
        await mirror.send(headers={OWN_HEADER: "1"})
        assert await mirror.counts() == {("shadow_dropped_total", "own"): 1.0}
        assert slots.asked == []

    run(lambda: Slots(labels("good"), labels("good")), steps)


def test_a_large_body_is_dropped() -> None:
    """A body that no service would take is not kept, and gives its place back."""

    async def steps(mirror: Mirror, slots: Slots) -> None:
        for _ in range(3):
            await mirror.send(body=b"x" * (2 * 1024**2 + 1))
        assert await mirror.counts() == {("shadow_dropped_total", "body"): 3.0}
        assert slots.asked == []

    run(lambda: Slots(labels("good"), labels("good")), steps)


def test_nothing_else_is_mirrored() -> None:
    """Other paths and methods are not there."""

    async def steps(mirror: Mirror, slots: Slots) -> None:
        assert await mirror.send(path="/v1/feedback") == 404
        assert (await mirror.client.get("/v1/predict")).status_code == 405
        assert slots.asked == []

    run(lambda: Slots(labels("good"), labels("good")), steps)


@contextmanager
def comparing(stable: str, candidate: str, output: Path) -> Generator[tuple[str, subprocess.Popen[str]]]:
    """Run the comparator as a process."""
    port = free_port()
    given = {
        "SHADOW_HOST": HOST,
        "SHADOW_PORT": str(port),
        "SHADOW_STABLE_URL": stable,
        "SHADOW_CANDIDATE_URL": candidate,
        "SHADOW_DRAIN_SECONDS": "0.3",
    }
    with (
        output.open("w") as file,
        subprocess.Popen(
            [sys.executable, "-m", "serving.shadow"],
            env=os.environ | given,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            yield f"http://{HOST}:{port}", process
        finally:
            process.kill()


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.TransportError:
        return 0


def _counted(url: str, name: str) -> float:
    text = httpx.get(url + "/metrics").text
    return sum(s.value for family in text_string_to_metric_families(text) for s in family.samples if s.name == name)


class RealSlots(httpx.AsyncBaseTransport):
    """Two slots whose answers are the real service's, in process."""

    def __init__(self, stable: Path, candidate: Path) -> None:
        self.apps = {
            name: create_service(Settings(model_dir=model, threads=1))
            for name, model in (("sentiment-stable", stable), ("sentiment-candidate", candidate))
        }
        for app in self.apps.values():
            app.state.parts.runtime.start()
            eventually(lambda app=app: app.state.parts.runtime.phase == "serving")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        return await httpx.ASGITransport(self.apps[request.url.host]).handle_async_request(request)

    def stop(self) -> None:
        """End the threads."""
        for app in self.apps.values():
            app.state.parts.runtime.stop()


def test_two_real_versions_are_compared(tiny_model: Path, tmp_path: Path) -> None:
    """A version whose labels are turned around agrees with stable in nothing; neither counts this as users of it."""
    slots = RealSlots(tiny_model, write_model(tmp_path / "turned", labels=["positive", "negative"]))

    async def steps(mirror: Mirror, _slots: RealSlots) -> None:
        for text in ("good", "bad"):
            await mirror.send(body=json.dumps({"inputs": [text]}).encode(), headers={HEADER: "999"})
        assert await mirror.counts() == {("shadow_comparisons_total", "499"): 2.0}

    try:
        run(lambda: slots, steps)
        for app in slots.apps.values():
            assert "user_requests_total{" not in app.state.parts.metrics.exposition("")[0].decode()
    finally:
        slots.stop()


def test_the_process_counts_a_slot_that_is_not_there_and_ends_with_0(tmp_path: Path) -> None:
    """Slots without pods are failures of theirs; SIGTERM ends the process with 0 after its drain."""
    nobody = f"http://{HOST}:{free_port()}"
    with comparing(nobody, nobody, tmp_path / "shadow") as (url, process):
        eventually(lambda: _status(url + "/readyz") == 200)
        httpx.post(url + "/v1/predict", json={"inputs": ["good"]}, headers={HEADER: "999"})
        eventually(lambda: _counted(url, "shadow_failures_total") == 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    logged = [json.loads(line) for line in (tmp_path / "shadow").read_text().splitlines()]
    assert [line["slot"] for line in logged if line["level"] == "warning"] == ["stable", "candidate"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"SHADOW_CANDIDATE_URL": CANDIDATE},
            "SHADOW_STABLE_URL=None: Field required (Service of the stable slot, http://HOST:PORT)",
        ),
        (
            {"SHADOW_STABLE_URL": "https://x/y", "SHADOW_CANDIDATE_URL": CANDIDATE},
            "SHADOW_STABLE_URL='https://x/y': String should match",
        ),
        (
            {"SHADOW_STABLE": "x", "SHADOW_STABLE_URL": STABLE, "SHADOW_CANDIDATE_URL": CANDIDATE},
            "SHADOW_STABLE='x': Extra inputs are not permitted (the settings are SHADOW_CAND",
        ),
    ],
)
def test_bad_settings_of_the_comparator_end_in_one_line(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A setting that cannot be used ends the process at once with exit code 2 and one line that names it."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert main() == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"serving.shadow: {said}")
    assert err.count("\n") == 1
