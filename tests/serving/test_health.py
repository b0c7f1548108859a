"""The probes: each can fail, and says why."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.serving.tiny import write_manifest, write_model
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    RunApp = Callable[..., AbstractContextManager[TestClient]]


def failed(client: TestClient, probe: str) -> dict[str, str]:
    """Give the failed checks of a probe that must fail: name and reason."""
    answer = client.get(probe)
    report: dict[str, Any] = answer.json()
    bad = {check["name"]: check["reason"] for check in report["checks"] if not check["ok"]}
    assert answer.status_code == 503
    assert report["ok"] is False
    name, reason = next(iter(bad.items()))
    assert report["reason"] == f"{name}: {reason}"
    return bad


def rewrite(model: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file of a model and make the manifest right again."""
    content = json.loads((model / name).read_text())
    change(content)
    (model / name).write_text(json.dumps(content))
    write_manifest(model)


def test_all_pass_with_a_good_model(client: TestClient) -> None:
    """A loaded model passes all probes, and readiness says what it checked."""
    for probe in ("/startupz", "/livez", "/readyz"):
        answer = client.get(probe)
        assert (answer.status_code, answer.json()["reason"]) == (200, "ok")
    names = [check["name"] for check in client.get("/readyz").json()["checks"]]
    assert names == ["manifest", "provider", "golden", "draining", "queue", "batch thread", "batch progress"]


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (lambda model: (model / "model.onnx").write_bytes(b""), "SHA-256 is"),
    (lambda model: rewrite(model, "model.json", lambda card: card.update(task="chess")), "task: Input should be"),
    (lambda model: rewrite(model, "golden.json", lambda golden: golden.update(examples=[])), "examples"),
    (lambda model: rewrite(model, "tokenizer.json", lambda content: content.clear()), "tokenizer.json: "),
    (shutil.rmtree, "manifest.json: No such file"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGES)
def test_a_bad_model_never_starts(
    run_app: RunApp, tmp_path: Path, damage: Callable[[Path], object], reason: str
) -> None:
    """Startup and readiness fail with the file that is wrong; liveness passes, for a restart mends nothing."""
    model = write_model(tmp_path / "model")
    damage(model)
    with run_app(model_dir=model) as client:
        assert reason in failed(client, "/startupz")["model"]
        assert reason in failed(client, "/readyz")["model"]
        assert client.get("/livez").status_code == 200
        answer = client.post("/v1/predict", json={"inputs": ["good"]})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["type"] == "urn:inferstack:problem:not-ready"


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_another_provider_than_asked(run_app: RunApp, tiny_model: Path) -> None:
    """ONNX Runtime falls back to the CPU in silence; readiness does not."""
    with run_app(model_dir=tiny_model, provider="CUDAExecutionProvider") as client:
        assert client.get("/startupz").status_code == 200
        assert failed(client, "/readyz") == {
            "provider": "CUDAExecutionProvider was asked for, CPUExecutionProvider runs"
        }


def test_a_provider_that_is_there_and_runs_nothing(run_app: RunApp, tiny_model: Path) -> None:
    """A provider may be registered, first in the list, and take no node; readiness asks for the nodes."""
    with run_app(model_dir=tiny_model, provider="AzureExecutionProvider") as client:
        [reason] = failed(client, "/readyz").values()
    assert reason.startswith("AzureExecutionProvider was asked for, 8 of 8 nodes run elsewhere (CPUExecutionProvider: ")


@pytest.mark.parametrize("change", [{"label": "negative"}, {"score": 0.9}])
def test_other_answers_than_the_build_measured(run_app: RunApp, tmp_path: Path, change: dict[str, Any]) -> None:
    """A model whose golden texts get other answers is not ready and does not answer."""
    model = write_model(tmp_path / "model")
    rewrite(model, "golden.json", lambda golden: golden["examples"][0].update(change))
    with run_app(model_dir=model) as client:
        assert "1 of 3 golden texts answered differently (first: 0" in failed(client, "/readyz")["golden"]
        assert client.post("/v1/predict", json={"inputs": ["good"]}).status_code == 503


def test_draining(run_app: RunApp, tiny_model: Path) -> None:
    """A draining process is alive and answers but is not ready, and asks clients to reconnect elsewhere."""
    with run_app(model_dir=tiny_model) as client:
        cast("FastAPI", client.app).state.parts.runtime.drain()
        assert failed(client, "/readyz") == {"draining": "draining: SIGTERM was received"}
        assert client.get("/livez").status_code == 200
        answer = client.post("/v1/predict", json={"inputs": ["good"]})
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")


def test_a_run_that_hangs(run_app: RunApp, slow_model: Path) -> None:
    """A run of the graph that takes longer than it ever may fails liveness: only a restart can help."""
    with run_app(model_dir=slow_model, stuck_after_seconds=0.05, request_timeout_seconds=0.1) as client:
        assert client.post("/v1/predict", json={"inputs": ["good"] * 8}).status_code == 504
        # On a busy machine the run may begin later than its request ends.
        eventually(lambda: client.get("/livez").status_code == 503)
        assert "at most 0.05 s are allowed" in failed(client, "/livez")["batch progress"]
        assert "batch progress" in failed(client, "/readyz")
        eventually(lambda: client.get("/livez").status_code == 200)
