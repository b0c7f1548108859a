"""The manifest: every file is the one that was built, or the model is not served."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from serving.manifest import ModelError, verify
from tests.serving.tiny import write_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Give a model folder that a test may break."""
    return write_model(tmp_path / "model")


def test_names_the_model(model: Path) -> None:
    """An intact folder verifies; its name is the SHA-256 of the manifest."""
    assert verify(model) == hashlib.sha256((model / "manifest.json").read_bytes()).hexdigest()


def flip_a_bit(model: Path) -> None:
    """Change the graph without changing its size."""
    data = bytearray((model / "model.onnx").read_bytes())
    data[-1] ^= 1
    (model / "model.onnx").write_bytes(data)


def drop_an_entry(model: Path) -> None:
    """Leave a file unnamed."""
    manifest = json.loads((model / "manifest.json").read_text())
    del manifest["files"]["golden.json"]
    (model / "manifest.json").write_text(json.dumps(manifest))


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (flip_a_bit, r"model\.onnx: SHA-256 is [0-9a-f]{64}, manifest\.json says [0-9a-f]{64}"),
    (lambda model: (model / "tokenizer.json").unlink(), r"tokenizer\.json: named in manifest\.json but missing"),
    (lambda model: (model / "extra.so").touch(), r"extra\.so: not named in manifest\.json"),
    (drop_an_entry, r"golden\.json: not named in manifest\.json"),
    (lambda model: (model / "manifest.json").unlink(), r"manifest\.json: No such file"),
    (lambda model: (model / "manifest.json").write_text("{"), r"manifest\.json: .*JSON"),
    (lambda model: (model / "manifest.json").write_text('{"schema_version":2,"files":{}}'), "schema_version"),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGES)
def test_says_which_file_is_wrong_and_how(model: Path, damage: Callable[[Path], object], said: str) -> None:
    """Damage of any kind is found and told in one line."""
    damage(model)
    with pytest.raises(ModelError, match=said):
        verify(model)
