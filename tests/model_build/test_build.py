"""Builds of a tiny spec, for real: sources, training, export, checks, receipt."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from model_build import manifest
from model_build.freshness import build_key, find_fresh
from model_build.places import Places
from tests.model_build.tiny import ROOT, SERVICE, VERSION, make_root, start_build

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.model_build

HEAVY = {"torch", "numpy", "onnx", "onnxruntime", "transformers", "sklearn", "tokenizers"}


def _places(root: Path) -> Places:
    return Places(root=root, service=SERVICE, version=VERSION)


def _build(root: Path, *options: str) -> dict[str, Any]:
    process = start_build(root, "--json", *options)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    return json.loads(stdout)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which the tiny version was built."""
    root = tmp_path_factory.mktemp("built")
    make_root(root)
    assert _build(root)["built"]
    return root


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(built, tmp_path / "root", symlinks=True))


def test_a_build_gives_a_whole_model_directory_and_its_receipt(built: Path) -> None:
    """The directory holds what the service needs; the receipt says the same and fits the manifest."""
    places = _places(built)
    names = {path.name for path in places.model.iterdir()}
    assert names == {"model.onnx", "tokenizer.json", "model.json", "golden.json", "manifest.json"}
    receipt = manifest.find_receipt(SERVICE, VERSION, root=built)
    assert manifest.verify(places.model) == receipt.model_digest
    assert manifest.read(places.model).files == receipt.files
    card = json.loads((places.model / "model.json").read_text(encoding="utf-8"))
    assert card == {
        "schema_version": 1,
        "service": SERVICE,
        "version": VERSION,
        "task": "text-classification",
        "labels": ["negative", "positive"],
        "max_tokens": 256,
    }


def test_golden_texts_were_held_out(built: Path) -> None:
    """golden.json holds at least 50 texts of both labels, those of the receipt, none of which was trained on."""
    from model_build import data, sources  # noqa: PLC0415  # beside the fixture that needs them

    spec = make_root(built).spec
    raw = sources.read_data(sources.fetch(spec.data, root=built), spec.data)
    split = data.split(data.read_examples(raw, neutral_below=spec.data.neutral_below), spec.data)
    golden = manifest.GoldenSet.model_validate_json((_places(built).model / "golden.json").read_bytes())
    assert golden == manifest.find_receipt(SERVICE, VERSION, root=built).golden
    assert len(golden.examples) >= 50
    assert {example.label for example in golden.examples} == {"negative", "positive"}
    assert {example.text for example in golden.examples} <= {example.text for example in split.held_out}


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_the_graph_answers_alike_in_any_batch_and_length(built: Path, batch: int) -> None:
    """Batch and sequence length are free, padding changes nothing, and the golden scores come out."""
    import numpy as np  # noqa: PLC0415  # collected where only the light libraries are
    import onnxruntime  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    model = _places(built).model
    session: Any = onnxruntime.InferenceSession(model / "model.onnx", providers=["CPUExecutionProvider"])
    assert {value.name for value in session.get_inputs()} == {"input_ids", "attention_mask"}
    tokenizer: Any = Tokenizer.from_file(str(model / "tokenizer.json"))
    assert tokenizer.truncation is None
    assert tokenizer.padding is None
    tokenizer.enable_padding()
    golden = manifest.GoldenSet.model_validate_json((model / "golden.json").read_bytes())
    examples = golden.examples[:batch]
    encodings = tokenizer.encode_batch([example.text for example in examples])
    ids, mask = (np.array([getattr(row, name) for row in encodings]) for name in ("ids", "attention_mask"))
    answer = session.run(["probabilities"], {"input_ids": ids, "attention_mask": mask})[0]
    assert answer.shape == (batch, 2)
    assert np.allclose(answer.sum(axis=1), 1, atol=1e-5)
    scores = [row[("negative", "positive").index(example.label)] for row, example in zip(answer, examples, strict=True)]
    assert np.allclose(scores, [example.score for example in examples], atol=1e-5)


def test_the_files_name_no_path_of_this_machine(built: Path) -> None:
    """Neither the graph nor the receipt holds the checkout's or the environment's path."""
    places = _places(built)
    for path in (places.receipt, *places.model.iterdir()):
        contents = path.read_bytes()
        for place in (ROOT, built, Path(sys.prefix)):
            assert str(place).encode() not in contents, path


def test_a_second_build_changes_nothing_and_loads_nothing_heavy(built: Path) -> None:
    """It leaves every file as it is and imports no library of a build."""
    places = _places(built)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in (places.receipt, *places.model.iterdir())}
    program = (
        "import sys; from model_build.cli import main;"
        f"main(['build', '--service', '{SERVICE}', '--version', '{VERSION}', '--root', {str(built)!r}],"
        " standalone_mode=False); print(*sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    first, modules = answer.stdout.splitlines()
    assert "is up to date" in first
    assert not HEAVY & set(modules.split())
    assert before == {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in before}


def test_a_forced_build_gives_the_same_hashes(built: Path, copy: Path) -> None:
    """Another process, another folder, the same machine: every file has the hash that it had."""
    result = _build(copy, "--force")
    assert result["built"]
    assert result["receipt"]["files"] == json.loads(_places(built).receipt.read_bytes())["files"]


def test_a_changed_spec_or_a_damaged_model_is_built_again(copy: Path) -> None:
    """The version that is there counts only if its key and its files are right."""
    places = _places(copy)
    key = build_key(make_root(copy).sha256)
    assert find_fresh(places, key=key)
    assert find_fresh(places, key=build_key(make_root(copy, epochs="2").sha256)) is None
    with (places.model / "model.onnx").open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    assert find_fresh(places, key=key) is None


def test_a_model_that_does_not_beat_the_baseline_is_refused(copy: Path) -> None:
    """The build fails with one sentence that holds both figures, and the version that was there stays."""
    before = manifest.verify(_places(copy).model)
    make_root(copy, required_margin="0.9")
    process = start_build(copy)
    _, stderr = process.communicate()
    assert process.returncode == 1
    last = stderr.splitlines()[-1]
    assert last.startswith("Error: quality: accuracy 0.")
    assert "of TF-IDF and logistic regression by more than 0.9 (checks.required_margin)" in last
    assert "Traceback" not in stderr
    assert manifest.verify(_places(copy).model) == before
    assert not _places(copy).scratch.exists()


@pytest.fixture
def training(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A build that is at its training, in ``tmp_path``."""
    make_root(tmp_path, epochs="50")
    process = start_build(tmp_path)
    assert process.stderr
    for line in process.stderr:
        if " train" in line:
            break
    yield process
    process.kill()
    process.communicate()


def test_a_stopped_build_leaves_nothing(training: subprocess.Popen[str], tmp_path: Path) -> None:
    """SIGTERM ends it with code 130 and a sentence; there is neither a model nor a scratch folder."""
    training.send_signal(signal.SIGTERM)
    _, stderr = training.communicate(timeout=60)
    assert training.returncode == 130
    assert stderr.splitlines()[-1] == "stopped; what was there before is unchanged"
    assert not _places(tmp_path).model.exists()
    assert not _places(tmp_path).scratch.exists()


def test_a_killed_build_does_not_hinder_the_next(training: subprocess.Popen[str], tmp_path: Path) -> None:
    """What SIGKILL left is removed by the next build, and the lock is free."""
    training.kill()
    training.communicate()
    assert _places(tmp_path).scratch.exists()
    make_root(tmp_path)
    assert _build(tmp_path)["built"]
    manifest.verify(_places(tmp_path).model)
    assert not _places(tmp_path).scratch.exists()


def test_of_two_builds_at_once_one_builds(tmp_path: Path) -> None:
    """The other waits, says so, and takes the result."""
    make_root(tmp_path)
    processes = [start_build(tmp_path, "--json") for _ in range(2)]
    answers = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert sorted(json.loads(stdout)["built"] for stdout, _ in answers) == [False, True]
    assert any("another build of this version is running" in stderr for _, stderr in answers)
