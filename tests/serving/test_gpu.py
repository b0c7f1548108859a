"""What only a GPU can show. Without one this is skipped, and says what was not run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving import accelerator
from serving.manifest import ModelError
from serving.session import TENSORRT

MODELS = Path(__file__).parents[2] / ".state" / "models" / "sentiment"


def _missing() -> str:
    try:
        accelerator.find(TENSORRT)
    except ModelError as error:
        return str(error)
    return ""


@pytest.mark.tools
@pytest.mark.skipif(bool(_missing()), reason=f"not run: TensorRT's build, parity and speed of engines. {_missing()}")
def test_engines_on_this_gpu() -> None:
    """Engines of the built model are built in FP32 and FP16, agree with the CPU, and are loaded again."""
    versions = sorted(MODELS.glob("*/manifest.json"))
    assert versions, f"no model in {MODELS}: run `make model`"
    answer = subprocess.run(
        [sys.executable, "-m", "serving.engine", "check"],
        env=os.environ | {"SERVING_MODEL_DIR": str(versions[-1].parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
