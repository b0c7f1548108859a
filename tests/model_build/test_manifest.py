"""Manifests of model directories."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_build import manifest

HEAVY = {"torch", "numpy", "onnx", "onnxruntime", "transformers", "sklearn", "tokenizers", "pulumi", "rich", "click"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A directory of two files, one in a folder, with its manifest."""
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "vocabulary.txt").write_text("a b", encoding="utf-8")
    (tmp_path / "model.onnx").write_bytes(b"graph")
    manifest.create(tmp_path)
    return tmp_path


def test_a_manifest_names_every_other_file_sorted(model: Path) -> None:
    """manifest.json holds path, SHA-256 and size of every file but itself, in order of the paths."""
    written = json.loads((model / "manifest.json").read_text(encoding="utf-8"))
    assert list(written["files"]) == ["model.onnx", "tokenizer/vocabulary.txt"]
    assert written["files"]["model.onnx"] == {"sha256": hashlib.sha256(b"graph").hexdigest(), "bytes": 5}
    assert written["schema_version"] == 1


def test_the_digest_is_that_of_the_manifest_file(model: Path) -> None:
    """The model digest is the SHA-256 of manifest.json; verify returns it."""
    wanted = hashlib.sha256((model / "manifest.json").read_bytes()).hexdigest()
    assert manifest.digest(model) == wanted
    assert manifest.verify(model) == wanted


@given(files=st.dictionaries(st.sampled_from(["a", "b", "c/d", "c/e"]), st.binary(max_size=64), min_size=1))
def test_the_same_contents_give_the_same_manifest(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    """The order in which files were written, and where, changes nothing."""
    digests = set[str]()
    for names in (list(files), list(reversed(files))):
        directory = tmp_path_factory.mktemp("model")
        for name in names:
            path = directory / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(files[name])
        manifest.create(directory)
        digests.add(manifest.verify(directory))
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("model.onnx", b"hparg", "model.onnx: SHA-256 is"),
        ("model.onnx", b"longer than before", "model.onnx: has 18 bytes, manifest.json says 5"),
        ("model.onnx", None, "model.onnx: named in manifest.json but missing"),
        ("strange.py", b"", "strange.py: not named in manifest.json"),
        ("manifest.json", b"{}", "manifest.json: files: Field required"),
        ("manifest.json", b"no JSON", "manifest.json: file: Invalid JSON"),
        ("manifest.json", None, "manifest.json: No such file"),
    ],
)
def test_any_change_is_found_and_named(model: Path, name: str, contents: bytes | None, message: str) -> None:
    """A changed, longer, missing or additional file fails, and so does a manifest that is none."""
    if contents is None:
        (model / name).unlink()
    else:
        (model / name).write_bytes(contents)
    with pytest.raises(manifest.ManifestError, match=r".") as caught:
        manifest.verify(model)
    assert message in str(caught.value)


def test_the_reader_loads_nothing_heavy() -> None:
    """Importing model_build.manifest loads neither torch nor numpy, nor any other library of a build."""
    program = "import sys, model_build.manifest; print(*sys.modules)"
    root = Path(__file__).parents[2]
    answer = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert not HEAVY & set(answer.stdout.split())
