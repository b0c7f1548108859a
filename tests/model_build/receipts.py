"""A receipt that is right in form, for tests of those who read receipts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from model_build import manifest

if TYPE_CHECKING:
    from pathlib import Path

_SHA256 = "0" * 64


def make_receipt(service: str = "sentiment", version: str = "0.1.0") -> manifest.Receipt:
    """Make a receipt of a version that nobody built."""
    return manifest.Receipt(
        service=service,
        version=version,
        task="text-classification",
        spec_sha256=_SHA256,
        build_key=_SHA256,
        model_digest=_SHA256,
        files={"model.onnx": manifest.FileEntry(sha256=_SHA256, bytes=1)},
        parity=manifest.Parity(max_abs_difference=1e-7, examples=10),
        quality=manifest.Quality(
            accuracy=0.9,
            f1=0.9,
            lower_bound=0.88,
            confidence=0.95,
            baseline_accuracy=0.8,
            required_margin=0,
            examples=100,
        ),
        golden=manifest.GoldenSet(
            tolerance=0.01, examples=(manifest.GoldenExample(text="good", label="positive", score=0.99),)
        ),
        environment=manifest.Environment(
            python="3.11.2", torch="2.15.0", onnxruntime="1.31.1", cpu="a processor", cpu_flags=("avx2",), threads=2
        ),
        built_at=datetime(2026, 11, 22, tzinfo=UTC),
        seconds=1.0,
        cpu_pressure=None,
    )


def write_receipt(directory: Path, receipt: manifest.Receipt) -> Path:
    """Put a receipt where a catalogue directory holds it."""
    path = directory / receipt.service / f"{receipt.version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(receipt.model_dump_json(), encoding="utf-8")
    return path
