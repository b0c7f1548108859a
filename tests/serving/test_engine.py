"""Engines on the CPU: built, tried, stored, loaded as a pod loads them, refused. What only a GPU shows is not here."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from serving import accelerator, engine_build, loading
from serving.accelerator import AcceleratorError
from serving.engine import main
from serving.engine_cache import RECEIPT, EngineCache, EngineKey, Receipt, describe_files
from serving.manifest import ModelError, verify
from serving.model import pad
from serving.profile import Shape
from serving.settings import Settings
from tests.serving.test_health import failed, rewrite
from tests.serving.tiny import MAX_TOKENS, write_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from fastapi.testclient import TestClient

    RunApp = Callable[..., AbstractContextManager[TestClient]]

SHAPES = {"precision": "fp32", "batch_shapes": "1,2,4", "length_shapes": "5,8,16"}


def silent(_: str) -> None:
    """Say nothing."""


@pytest.fixture
def settings(tiny_model: Path, tmp_path: Path) -> Settings:
    """The tiny model with a profile and an empty cache."""
    given: dict[str, Any] = {"model_dir": tiny_model, "threads": 1, "engine_cache": tmp_path / "engines", **SHAPES}
    return Settings.model_validate(given)


@pytest.fixture
def cache(settings: Settings) -> EngineCache:
    """The cache of the settings' engine."""
    assert settings.engine_cache is not None
    found = accelerator.find(settings.provider)
    return EngineCache(settings.engine_cache, loading.engine_key(settings, verify(settings.model_dir), found))


def run(*arguments: str, **variables: object) -> Result:
    """Run the command with variables ``SERVING_*``."""
    environment = {f"SERVING_{name.upper()}": str(value) for name, value in variables.items()}
    return CliRunner().invoke(main, list(arguments), env=environment)


def test_an_engine_is_built_once(tiny_model: Path, tmp_path: Path) -> None:
    """The command builds, tries golden texts and shapes, stores a receipt, and does nothing a second time."""
    variables: dict[str, object] = {"model_dir": tiny_model, "threads": 1, "engine_cache": tmp_path, **SHAPES}
    first = run("build", **variables)
    assert first.exit_code == 0, first.output
    assert "3 golden texts answered as built" in first.output
    assert [line.split(":")[0] for line in first.output.splitlines() if " tokens:" in line] == [
        "1 x 5 tokens",
        "2 x 8 tokens",
        "4 x 16 tokens",
    ]
    second = run("build", "--json", **variables)
    assert "there already" in second.stderr
    receipt = Receipt.model_validate_json(second.stdout)
    assert receipt.key.architecture in {"x86_64", "aarch64"}
    assert [(each.batch, each.length) for each in receipt.runs] == [(1, 5), (2, 8), (4, 16)]
    assert [path.name for path in tmp_path.glob("*/*")] == [RECEIPT]


def test_a_pod_serves_what_was_built(run_app: RunApp, settings: Settings) -> None:
    """With the engine there a process becomes ready and answers; texts are held to the profile's length."""
    engine_build.build(settings, silent)
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    with run_app(**given) as client:
        assert client.get("/readyz").json()["reason"] == "ok"
        answer = client.post("/v1/predict", json={"inputs": ["good"] * 9})
        assert [prediction["label"] for prediction in answer.json()["predictions"]] == ["positive"] * 9


def test_a_pod_without_its_engine_waits(run_app: RunApp, settings: Settings, cache: EngineCache) -> None:
    """Without a receipt for its own key a process does not start, and names the folder and the command."""
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    with run_app(**given) as client:
        reason = failed(client, "/startupz")["model"]
    assert reason == f"failed: no engine in {cache.folder}; `python -m serving.engine build` makes it"


@dataclass(frozen=True)
class Stored:
    """An engine of one file that was put into the cache by hand: the CPU provider writes none."""

    cache: EngineCache
    receipt: Receipt


@pytest.fixture
def stored(settings: Settings, cache: EngineCache, tmp_path: Path) -> Stored:
    """An engine with a file and a timing cache."""
    receipt = engine_build.build(settings, silent).receipt
    source, timings = tmp_path / "built", tmp_path / "timed"
    for path, content in ((source / "sub" / "a.engine", "engine"), (timings / "a.timing", "timing")):
        path.parent.mkdir(parents=True)
        path.write_text(content)
    receipt = receipt.model_copy(update={"files": describe_files(source)})
    cache.store(source, receipt, timings=timings)
    return Stored(cache, receipt)


def test_an_engine_comes_back_as_it_was(stored: Stored, tmp_path: Path) -> None:
    """What was stored is fetched with its folders; the timing cache is a hint for any engine of the architecture."""
    assert stored.cache.receipt() == stored.receipt
    stored.cache.fetch(stored.receipt, tmp_path / "pod")
    assert (tmp_path / "pod" / "sub" / "a.engine").read_text() == "engine"
    (tmp_path / "next").mkdir()
    stored.cache.fetch_timings(tmp_path / "next")
    assert (tmp_path / "next" / "a.timing").read_text() == "timing"


def test_a_cut_off_receipt_is_none(stored: Stored) -> None:
    """A build that was interrupted while it wrote the receipt is built again."""
    path = stored.cache.folder / RECEIPT
    path.write_text(path.read_text()[:-20])
    assert stored.cache.receipt() is None


def test_a_changed_engine_is_refused(settings: Settings, stored: Stored) -> None:
    """A file that is not the one of the receipt is neither built upon nor loaded."""
    (stored.cache.folder / "sub" / "a.engine").write_text("other")
    with pytest.raises(ModelError, match=r"a\.engine: SHA-256 is [0-9a-f]{64}, its receipt says"):
        engine_build.build(settings, silent)
    with pytest.raises(ModelError, match="its receipt says"):
        loading.load_served(settings, stored.receipt.key.model)


def test_a_missing_file_is_named(settings: Settings, stored: Stored) -> None:
    """A file that is gone is named."""
    shutil.rmtree(stored.cache.folder / "sub")
    with pytest.raises(ModelError, match=r"a\.engine: No such file"):
        loading.load_served(settings, stored.receipt.key.model)


def test_the_receipt_of_another_engine(stored: Stored) -> None:
    """A receipt whose key is not the folder's was put there by someone."""
    other = stored.receipt.model_copy(update={"key": stored.receipt.key.model_copy(update={"tensorrt": "10.0.0"})})
    (stored.cache.folder / RECEIPT).write_text(other.model_dump_json())
    with pytest.raises(ModelError, match="is the receipt of another engine"):
        stored.cache.receipt()


def test_an_engine_that_was_built_anew_is_refused(
    settings: Settings, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When ONNX Runtime writes an engine while a pod loads, it did not take the one that was tried."""

    def options(_settings: Settings, _inputs: list[str], engines: Path, _timings: Path | None) -> dict[str, str]:
        (engines / "b.engine").write_text("built by the pod")
        return {}

    monkeypatch.setattr(loading, "engine_options", options)
    with pytest.raises(ModelError, match=r"did not take the engine of .* and built another one"):
        loading.load_served(settings, stored.receipt.key.model)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "0" * 64},
        {"onnxruntime": "1.0.0"},
        {"tensorrt": "10.16.1"},
        {"architecture": "sm89"},
        {"device": "NVIDIA L4"},
        {"provider": "CUDAExecutionProvider"},
        {"profile": None},
    ],
)
def test_whatever_an_engine_depends_on_names_its_folder(cache: EngineCache, change: dict[str, str | None]) -> None:
    """Another model, runtime, TensorRT, GPU, provider or profile is another folder."""
    other = EngineKey.model_validate(cache.key.model_dump() | change)
    assert other.folder != cache.key.folder


def test_wrong_answers_are_not_stored(tmp_path: Path) -> None:
    """An engine that answers a golden text otherwise than the build is one sentence, and nothing is kept."""
    model = write_model(tmp_path / "model")
    rewrite(model, "golden.json", lambda golden: golden["examples"][0].update(score=0.9))
    result = run("build", model_dir=model, engine_cache=tmp_path / "engines", **SHAPES)
    assert result.exit_code == 1
    assert result.stderr.startswith("serving.engine: 1 of 3 golden texts answered differently (first: 0")
    assert not (tmp_path / "engines").exists()


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_another_provider_than_asked_is_not_stored(tiny_model: Path, tmp_path: Path) -> None:
    """When ONNX Runtime falls back in silence the command ends with 1 and says what runs."""
    result = run(
        "build", model_dir=tiny_model, engine_cache=tmp_path / "engines", provider="CUDAExecutionProvider", **SHAPES
    )
    assert result.exit_code == 1
    assert result.stderr == "serving.engine: CUDAExecutionProvider was asked for, CPUExecutionProvider runs\n"
    assert not (tmp_path / "engines").exists()


def test_a_profile_beyond_the_model(tiny_model: Path, tmp_path: Path) -> None:
    """A profile of more tokens than the model takes is refused by name."""
    shapes = SHAPES | {"length_shapes": f"1,8,{MAX_TOKENS + 1}"}
    result = run("build", model_dir=tiny_model, engine_cache=tmp_path, **shapes)
    assert result.exit_code == 1
    assert "SERVING_LENGTH_SHAPES: 17 tokens, but the model takes at most 16" in result.stderr


def test_a_profile_that_is_too_short_for_every_golden_text(tiny_model: Path, tmp_path: Path) -> None:
    """Nothing tried is nothing passed."""
    shapes = SHAPES | {"length_shapes": "1,1,2"}
    result = run("build", model_dir=tiny_model, engine_cache=tmp_path, **shapes)
    assert result.exit_code == 1
    assert "no golden text has at most 2 tokens, so none was tried" in result.stderr


def test_wrong_settings_end_with_2(tiny_model: Path) -> None:
    """A setting that cannot be used is told from an engine that cannot."""
    result = run("build", model_dir=tiny_model, precision="fp16")
    assert result.exit_code == 2
    assert "SERVING_PRECISION is set, SERVING_BATCH_SHAPES is not: set all or none" in result.stderr


def test_a_folder_is_needed(tiny_model: Path) -> None:
    """Without a folder there is nothing to build into."""
    result = run("build", model_dir=tiny_model)
    assert (result.exit_code, "SERVING_ENGINE_CACHE is not set" in result.stderr) == (1, True)


def test_check_says_when_nothing_was_checked(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without a GPU the check ends with 3, which is neither success nor failure."""

    def no_gpu(provider: str) -> accelerator.Accelerator:
        raise AcceleratorError(f"no GPU can be used by {provider}")

    monkeypatch.setattr(accelerator, "find", no_gpu)
    result = run("check", model_dir=tiny_model)
    assert result.exit_code == 3
    assert result.stderr == "serving.engine: nothing was checked: no GPU can be used by TensorrtExecutionProvider\n"


def test_check_builds_and_loads_as_pods_do(tiny_model: Path) -> None:
    """Each precision is built in a folder of its own and loaded again from there."""
    shapes = {name: value for name, value in SHAPES.items() if name != "precision"}
    result = run(
        "check",
        "--precision",
        "fp32",
        "--precision",
        "fp16",
        model_dir=tiny_model,
        provider="CPUExecutionProvider",
        **shapes,
    )
    assert result.exit_code == 0, result.output
    assert result.output.count("loaded from the cache in") == 2


def test_no_gpu_is_one_sentence() -> None:
    """The first thing that is missing on a machine without a GPU or without TensorRT is named."""
    with pytest.raises(AcceleratorError, match=r"no GPU can be used: NVML says: |TensorRT cannot be used: "):
        accelerator.find("TensorrtExecutionProvider")


def test_shorter_texts_are_padded_to_the_profile(settings: Settings) -> None:
    """A run has at least the smallest shape of the profile, or TensorRT would refuse it; answers stay the same."""
    plain = loading.load_graph(Settings(model_dir=settings.model_dir, threads=1))
    [text] = plain.encode(["good"])
    ids, mask = pad([text], (3, 5))
    assert ids.shape == mask.shape == (3, 5)
    assert mask.tolist() == [[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]]
    padded = loading.load_graph(settings.model_copy(update={"batch_shapes": Shape(min=3, opt=4, max=4)}))
    assert padded.least == (3, 5)
    [row], [expected] = padded.classify([text]), plain.classify([text])
    assert row.tolist() == pytest.approx(expected.tolist())


def test_a_receipt_is_plain_json(stored: Stored) -> None:
    """Other programs read the receipt: the gate of a release, a person."""
    receipt = json.loads((stored.cache.folder / RECEIPT).read_text())
    assert receipt["schema_version"] == 1
    assert receipt["key"]["profile"]["precision"] == "fp32"
    assert receipt["files"]["sub/a.engine"]["bytes"] == 6
