"""Feature flags: what they change, that a file decides them and nobody else, and what a bad file does: nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Gauge

from serving import flags as feature_flags
from serving.flag_file import FlagFileError, FlagFileProvider, parse
from serving.flags import Flags
from tests.serving.scraping import scrape
from tests.serving.test_metrics import only
from tests.serving.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fastapi.testclient import TestClient
    from pydantic import JsonValue

    RunApp = Callable[..., AbstractContextManager[TestClient]]


def document(**flags: object) -> str:
    """A file in which each flag has one variant."""
    return json.dumps(
        {
            "flags": {
                name.replace("_", "-"): {"state": "ENABLED", "variants": {"set": value}, "defaultVariant": "set"}
                for name, value in flags.items()
            }
        }
    )


def opened(path: Path | None) -> Flags:
    """Read flags outside of an application."""
    return Flags(path, batch_wait_seconds=0.004, problems=Gauge("x", "x", registry=None))


def test_all_scores(run_app: RunApp, tiny_model: Path, tmp_path: Path) -> None:
    """With the flag, each prediction has the probabilities of all labels; without, answers are what they were."""
    path = tmp_path / "flags.json"
    path.write_text(document(all_scores=True))
    body = {"inputs": ["good", "bad"]}
    with run_app(model_dir=tiny_model) as client:
        plain = client.post("/v1/predict", json=body).json()["predictions"]
    assert [set(each) for each in plain] == [{"label", "score"}] * 2
    with run_app(model_dir=tiny_model, flags_file=path) as client:
        found = client.post("/v1/predict", json=body).json()["predictions"]
    for before, after in zip(plain, found, strict=True):
        scores = after.pop("scores")
        assert after == before
        assert set(scores) == {"negative", "positive"}
        assert max(scores, key=scores.__getitem__) == after["label"]
        assert scores[after["label"]] == after["score"]
        assert sum(scores.values()) == pytest.approx(1)


def test_a_change_of_the_file_is_seen(
    run_app: RunApp, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process reads the file again by itself, as a ConfigMap swaps it, with nothing restarted."""
    monkeypatch.setattr(feature_flags, "READ_EVERY_SECONDS", 0.01)
    path, new = tmp_path / "flags.json", tmp_path / "new"
    with run_app(model_dir=tiny_model, flags_file=path) as client:

        def has_scores() -> bool:
            return "scores" in client.post("/v1/predict", json={"inputs": ["good"]}).json()["predictions"][0]

        assert only(scrape(client), "feature_flag_problems") == 1
        assert not has_scores()
        new.write_text(document(all_scores=True))
        new.replace(path)
        eventually(has_scores)
        assert only(scrape(client), "feature_flag_problems") == 0
        path.write_text("{")
        eventually(lambda: only(scrape(client), "feature_flag_problems") == 1)
        assert has_scores()
        path.write_text(document())
        eventually(lambda: not has_scores())


def test_flags_are_shown_and_not_set(run_app: RunApp, tiny_model: Path, tmp_path: Path) -> None:
    """GET says what holds and why; nothing over HTTP changes it."""
    path = tmp_path / "flags.json"
    path.write_text(document(all_scores=True, of_another_version="x"))
    with run_app(model_dir=tiny_model, flags_file=path, batch_wait_milliseconds=4) as client:
        report = client.get("/flags").json()
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert client.request(method, "/flags", json={"all-scores": False}).status_code == 405
        assert client.get("/flags").json() == report
    assert (report["file"], report["problem"], report["unknown"]) == (str(path), None, ["of-another-version"])
    found = {flag["name"]: (flag["value"], flag["variant"], flag["reason"]) for flag in report["flags"]}
    assert found == {"all-scores": (True, "set", "STATIC"), "batch-wait-milliseconds": (4, None, "DEFAULT")}


def test_without_a_file_the_settings_hold(run_app: RunApp, tiny_model: Path) -> None:
    """There is a report all the same, and no thread that looks for changes."""
    with run_app(model_dir=tiny_model) as client:
        report = client.get("/flags").json()
    assert (report["file"], report["problem"]) == (None, None)
    assert {flag["reason"] for flag in report["flags"]} == {"DEFAULT"}


def test_the_batch_window(tmp_path: Path) -> None:
    """The flag holds instead of the setting, in whole milliseconds or parts of them."""
    path = tmp_path / "flags.json"
    for milliseconds, seconds in ((12, 0.012), (0, 0.0), (2.5, 0.0025)):
        path.write_text(document(batch_wait_milliseconds=milliseconds))
        assert opened(path).values.batch_wait_seconds == seconds
    assert opened(None).values.batch_wait_seconds == 0.004


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("all-scores", "yes", "bool"),
        ("all-scores", 1, "bool"),
        ("batch-wait-milliseconds", 1001, "1001: 0 to 1000 is allowed"),
        ("batch-wait-milliseconds", -1, "-1: 0 to 1000 is allowed"),
        ("batch-wait-milliseconds", True, "float"),
    ],
)
def test_a_value_that_makes_no_sense_is_told_and_not_used(tmp_path: Path, name: str, value: object, said: str) -> None:
    """The setting's own value holds; the report has a sentence."""
    path = tmp_path / "flags.json"
    path.write_text(document(**{name: value}))
    flags = opened(path)
    assert flags.values == opened(None).values
    [state] = [state for state in flags.report().flags if state.name == name]
    assert state.problem is not None
    assert said in state.problem
    assert state.reason == "ERROR"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        ("", "Invalid JSON: EOF while parsing"),
        ("[]", "Input should be an object"),
        ('{"flags": {"a": {"variants": {}, "defaultVariant": "on"}}}', "flags.a.variants: Dictionary should have"),
        (
            '{"flags": {"a": {"variants": {"on": true, "off": false}, "defaultVariant": "of"}}}',
            "flags.a: defaultVariant of is none of on, off",
        ),
        (
            '{"flags": {"a": {"variants": {"on": true}, "defaultVariant": "on", "targeting": {}}}}',
            "flags.a.targeting: Extra inputs are not permitted",
        ),
        ('{"flags": {"a": {"variants": {"on": [1]}, "defaultVariant": "on"}}}', "flags.a.variants.on: "),
        ("x" * (1024**2 + 1), "is larger than 1048576 bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, content: str | None, said: str) -> None:
    """One sentence names the file and what is wrong; what was read before holds."""
    path = tmp_path / "flags.json"
    path.write_text(document(all_scores=True))
    flags = opened(path)
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    flags.refresh()
    problem = flags.report().problem
    assert problem is not None
    assert problem.startswith(f"{path}: {said}")
    assert "\n" not in problem
    assert flags.values.all_scores


def test_a_disabled_flag_is_not_there(tmp_path: Path) -> None:
    """The service's own default holds for it, as flagd says."""
    path = tmp_path / "flags.json"
    path.write_text(document(all_scores=True).replace("ENABLED", "DISABLED"))
    assert not opened(path).values.all_scores


def test_listeners_of_openfeature_hear_of_changes(tmp_path: Path) -> None:
    """The provider emits what OpenFeature defines: what changed, and that the file is stale."""
    path = tmp_path / "flags.json"
    path.write_text(document(a=True, b=1))
    provider = FlagFileProvider(path)
    heard: list[tuple[str, Any]] = []
    provider.attach(lambda _provider, event, details: heard.append((event.value, details)))
    assert not provider.reload()
    path.write_text(document(a=True, b=2, c="x"))
    assert provider.reload()
    path.unlink()
    assert provider.reload()
    assert not provider.reload()
    assert [event for event, _ in heard] == ["PROVIDER_CONFIGURATION_CHANGED", "PROVIDER_STALE"]
    assert heard[0][1].flags_changed == ["b", "c"]


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
definitions = st.fixed_dictionaries(
    {
        "variants": st.dictionaries(st.sampled_from("ab"), json_values, max_size=2),
        "defaultVariant": st.sampled_from("ab"),
    }
)


@given(st.dictionaries(st.sampled_from(["all-scores", "x"]), definitions | json_values, max_size=2) | json_values)
def test_any_json_is_flags_or_a_sentence(content: JsonValue) -> None:
    """No file makes the service fail: it is read, or refused in one line."""
    refused: str | None = None
    found = set[str]()
    try:
        found = set(parse(json.dumps({"flags": content}).encode()))
    except FlagFileError as error:
        refused = str(error)
    if refused is None:
        assert isinstance(content, dict)
        assert found == set(content)
    else:
        assert refused
        assert "\n" not in refused
