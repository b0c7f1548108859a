"""The steps from a spec to a model directory. Imports torch."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

import onnxruntime
import torch

from model_build import data, environment, export, manifest, network, quality, sources, train, verify
from model_build.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from model_build.manifest import GoldenSet, Parity, Quality
    from model_build.progress import Reporter
    from model_build.spec import Spec


def build_model(spec: Spec, directory: Path, *, root: Path, reporter: Reporter) -> tuple[Quality, Parity, GoldenSet]:
    """Fill a directory with a version's files and manifest.

    Args:
        spec: what to build.
        directory: exists and is empty.
        root: the checkout, for the cache of sources.
        reporter: is shown each step.

    Returns:
        What was measured on the graph, for the receipt.

    Raises:
        BuildError: a source is not to be had, or a check failed.
    """
    with reporter.step("fetch"):
        encoder = sources.read_encoder(sources.fetch(spec.encoder, root=root), spec.encoder)
        rated = sources.read_data(sources.fetch(spec.data, root=root), spec.data)
    split = data.split(data.read_examples(rated, neutral_below=spec.data.neutral_below), spec.data)
    texts = [example.text for example in split.held_out]
    tokenizer = network.make_tokenizer(encoder, max_tokens=spec.max_tokens)

    with reporter.step("train") as update:
        train.prepare(spec.training)
        classifier = network.make_network(encoder, spec)
        train.train(classifier, tokenizer, split.train, settings=spec.training, update=update)
    with reporter.step("export"):
        graph = directory / "model.onnx"
        export.export(classifier, graph)
    with reporter.step("measure") as update:
        session = Session(graph, tokenizer, threads=spec.training.threads)
        probabilities = session.probabilities(texts, update=update)
        measured = quality.measure([int(row.argmax()) for row in probabilities], split, checks=spec.checks)
    quality.check(measured)
    with reporter.step("verify"):
        count = spec.checks.parity_examples
        tolerance = spec.checks.parity_tolerance
        parity = verify.parity(classifier, tokenizer, texts[:count], probabilities[:count], tolerance=tolerance)
        golden = verify.golden(split.held_out, probabilities, spec)

    network.make_tokenizer(encoder).save(str(directory / "tokenizer.json"))
    _write_json(directory / "model.json", _model_card(spec))
    _write_json(directory / "golden.json", golden.model_dump())
    manifest.create(directory)
    return measured, parity, golden


def describe_environment(threads: int) -> manifest.Environment:
    """Describe what made the result, for the receipt."""
    name, flags = environment.cpu()
    return manifest.Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        onnxruntime=onnxruntime.__version__,
        cpu=name,
        cpu_flags=flags,
        threads=threads,
    )


def _model_card(spec: Spec) -> dict[str, object]:
    return {
        "schema_version": 1,
        "service": spec.service,
        "version": spec.version,
        "task": spec.task,
        "labels": spec.labels,
        "max_tokens": spec.max_tokens,
    }


def _write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
