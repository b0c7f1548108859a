"""Metrics and logs: names, values, and what must never be in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from serving import logs
from serving.logs import TextHasher
from serving.metrics import RateWindow
from serving.model import Model
from serving.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fastapi.testclient import TestClient

    RunApp = Callable[..., AbstractContextManager[TestClient]]

SECRET = "wonderful secret-phrase"  # noqa: S105 - a text, not a password


def samples(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Scrape all samples by name and labels."""
    text = client.get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_count_what_happened(run_app: RunApp, tiny_model: Path) -> None:
    """The names of shared/rows.md are there and count requests, batches, tokens and errors."""
    with run_app(model_dir=tiny_model, slot="candidate") as client:
        client.post("/v1/predict", json={"inputs": ["good", "good good"]})
        client.post("/v1/predict", json={"inputs": []})
        client.get("/no/such/path")
        found = samples(client)
    plain = {name: value for (name, labels), value in found.items() if not labels}

    def requests(path: str, status: str, method: str = "POST") -> float:
        labels = frozenset({"method": method, "path": path, "status": status}.items())
        return found["http_requests_total", labels]

    assert requests("/v1/predict", "200") == requests("/v1/predict", "422") == requests("other", "404", "GET") == 1
    assert found["request_errors_total", frozenset({("type", "invalid-input")})] == 1
    assert (plain["tokens_total"], plain["padding_tokens_total"]) == (7, 1)
    assert plain["tokens_per_second"] == pytest.approx(7 / 60)
    assert plain["model_latency_seconds_count"] == plain["batch_size_texts_count"] == 1
    assert plain["batch_size_texts_sum"] == 2
    assert (plain["batch_queue_texts"], plain["http_requests_active"], plain["service_ready"]) == (0, 1, 1)
    [info] = [dict(labels) for (name, labels) in found if name == "model_info"]
    assert (info["service"], info["version"], info["slot"]) == ("sentiment", "0.1.0", "candidate")
    assert info["provider"] == "CPUExecutionProvider"


def test_logs_have_the_facts_and_never_the_text(
    run_app: RunApp, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One JSON line for each request: keyed hashes, latency, version, error type; no text in any form."""
    key = tmp_path / "key"
    key.write_bytes(b"some key\n")
    logs.configure("info")
    with run_app(model_dir=tiny_model, text_hash_key_file=key) as client:
        good = client.post("/v1/predict", json={"inputs": [SECRET]}).json()["query_id"]
        bad = client.post("/v1/predict", json={"inputs": [SECRET, SECRET + "\u0007"]}).json()["query_id"]
        client.get("/readyz")
    output = capsys.readouterr().out
    lines = {line["query_id"]: line for line in map(json.loads, output.splitlines()) if line.get("event") == "request"}
    assert set(lines) == {good, bad}
    assert lines[good]["text_hashes"] == [TextHasher(key).hash(SECRET)]
    assert (lines[good]["status"], lines[good]["version"], lines[good]["slot"]) == (200, "0.1.0", "stable")
    assert lines[good]["latency_ms"] > 0
    assert (lines[bad]["status"], lines[bad]["error_type"]) == (422, "invalid-input")
    assert "secret-phrase" not in output


def test_an_unexpected_error_shows_no_text_and_no_traceback(
    run_app: RunApp, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bug ends in a 500 with the query_id; the log says where it was, without the error's words."""

    def broken(_: Model, texts: list[str]) -> None:
        raise ValueError(texts[0])

    logs.configure("info")
    with run_app(model_dir=tiny_model) as client:
        monkeypatch.setattr(Model, "encode", broken)
        answer = client.post("/v1/predict", json={"inputs": [SECRET]})
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:inferstack:problem:internal")
    output = capsys.readouterr().out
    [line] = [line for line in map(json.loads, output.splitlines()) if line["event"] == "unexpected error"]
    assert (line["query_id"], line["error_type"]) == (answer.json()["query_id"], "ValueError")
    assert "test_observability.py" in line["frames"][-1]
    assert "secret-phrase" not in output + answer.text


def test_onnx_runtime_reports_to_no_one() -> None:
    """The vendor's telemetry is off before the library can be imported, whatever the environment says."""
    code = "import serving.model, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = os.environ | {"ORT_DISABLE_TELEMETRY": "0"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "1\n"


def test_hashes_without_a_key_file_differ_between_processes() -> None:
    """Without a shared key, no table of hashes of likely texts helps to read a log."""
    assert TextHasher(None).hash("good") != TextHasher(None).hash("good")


@pytest.mark.parametrize("content", [None, b"", b"x" * 65])
def test_a_bad_key_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A key file that is missing, empty or too large ends in one line."""
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    with pytest.raises(SettingsError, match="SERVING_TEXT_HASH_KEY_FILE="):
        TextHasher(key)


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(0, 1000)), max_size=30))
def test_rate_counts_the_window_only(events: list[tuple[float, int]]) -> None:
    """The rate is the sum of the amounts of the last seconds, and no other."""
    now = 0.0
    window = RateWindow(10.0, clock=lambda: now)
    history: list[tuple[float, int]] = []
    for step, amount in events:
        now += step
        window.add(amount)
        history.append((now, amount))
    assert window.per_second() == pytest.approx(sum(amount for at, amount in history if at >= now - 10) / 10)
