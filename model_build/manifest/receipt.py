"""The receipt of a version: what was built, from what, and what was measured on it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from model_build.manifest.files import FileEntry, Sha256

ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
SemanticVersion = Annotated[
    str, StringConstraints(pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$")
]
Variant = Literal["cpu", "cuda-trt"]
ImageDigest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Ratio = Annotated[float, Field(ge=0, le=1)]


class ReceiptError(Exception):
    """A file that is no receipt; the message names the file, the key and what is wrong."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Parity(_Strict):
    """How far the ONNX graph's probabilities are from those of the network that was trained."""

    max_abs_difference: float = Field(ge=0)
    examples: int = Field(ge=1)


class Quality(_Strict):
    """Figures of the ONNX graph on the held-out texts.

    Attributes:
        accuracy: share of texts with the right label.
        f1: macro average of the labels' F1.
        lower_bound: Wilson's bound below the accuracy at ``confidence``, one-sided.
        confidence: of the lower bound.
        baseline_accuracy: of TF-IDF and logistic regression, trained and tested on the same texts.
        required_margin: how far the lower bound had to be above the baseline.
        examples: number of held-out texts.
    """

    accuracy: Ratio
    f1: Ratio
    lower_bound: Ratio
    confidence: Ratio
    baseline_accuracy: Ratio
    required_margin: float
    examples: int = Field(ge=1)


class GoldenExample(_Strict):
    """A held-out text and the answer of the graph."""

    text: str
    label: str
    score: Ratio


class GoldenSet(_Strict):
    """Answers that the version must give wherever it runs, within ``tolerance`` of the score."""

    tolerance: float = Field(gt=0)
    examples: tuple[GoldenExample, ...] = Field(min_length=1)


class Environment(_Strict):
    """Where it was built: with other instruction sets or thread counts the same spec gives other hashes."""

    python: str
    torch: str
    onnxruntime: str
    cpu: str
    cpu_flags: tuple[str, ...]
    threads: int


class Receipt(_Strict):
    """One version of one service.

    Attributes:
        images: digest of the serving image by variant, as far as images of it were pushed to the shared registry.
        spec_sha256: of the spec file's bytes.
        build_key: of everything that decides the result: spec, code and lock. Same key, same build.
        model_digest: SHA-256 of ``manifest.json``; names the model.
        files: what ``manifest.json`` names.
        cpu_pressure: seconds during which tasks waited for a processor while the version was built, by
            /proc/pressure/cpu; None where the kernel does not tell. High values void ``seconds``.
        seconds: duration of the whole build.
    """

    schema_version: Literal[1] = 1
    service: ServiceName
    version: SemanticVersion
    task: Literal["text-classification"]
    spec_sha256: Sha256
    build_key: Sha256
    model_digest: Sha256
    files: dict[str, FileEntry]
    images: dict[Variant, ImageDigest] = {}
    parity: Parity
    quality: Quality
    golden: GoldenSet
    environment: Environment
    built_at: datetime
    seconds: float
    cpu_pressure: float | None


def read_receipt(path: Path) -> Receipt:
    """Read a receipt.

    Raises:
        ReceiptError: the file cannot be read or is no receipt.
    """
    try:
        return Receipt.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ReceiptError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ReceiptError(f"{path}: {'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}") from None
