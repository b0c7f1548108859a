"""The service with the model that `make model` builds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from serving.settings import Settings
from tests.serving.conftest import running

if TYPE_CHECKING:
    from collections.abc import Generator

    from fastapi.testclient import TestClient

MODELS = Path(__file__).parents[2] / ".state" / "models" / "sentiment"
VERSIONS = sorted(MODELS.glob("*/manifest.json"))

# The suite that runs after `make model`: a clone without a model runs `make test-fast` without these.
pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def real() -> Generator[TestClient]:
    """Run the newest version that was built."""
    assert VERSIONS, f"no model in {MODELS}: run `make model`"
    with running(Settings(model_dir=VERSIONS[-1].parent)) as client:
        yield client


def test_golden_texts_get_the_answers_of_the_build(real: TestClient) -> None:
    """Held-out texts get the labels of the receipt, through HTTP and batches."""
    golden = json.loads((VERSIONS[-1].parent / "golden.json").read_text())
    examples = golden["examples"]
    for start in range(0, len(examples), 64):
        part = examples[start : start + 64]
        answer = real.post("/v1/predict", json={"inputs": [example["text"] for example in part]})
        predictions = answer.json()["predictions"]
        assert [prediction["label"] for prediction in predictions] == [example["label"] for example in part]
        for prediction, example in zip(predictions, part, strict=True):
            assert prediction["score"] == pytest.approx(example["score"], abs=golden["tolerance"])


def test_is_ready(real: TestClient) -> None:
    """A model as built passes all checks of readiness."""
    assert real.get("/readyz").json()["reason"] == "ok"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("a wonderful film", "positive"),
        ("Dull, overlong and badly acted.", "negative"),
        ("<b>one of the best films of the year</b>", "positive"),
    ],
)
def test_plain_sentences(real: TestClient, text: str, label: str) -> None:
    """What a person would try first gets the label that a person would give."""
    assert real.post("/v1/predict", json={"inputs": [text]}).json()["predictions"][0]["label"] == label
