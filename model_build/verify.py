"""Checks of the exported graph: that it computes what the network does, and the answers it is held to later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from model_build.errors import BuildError
from model_build.manifest import GoldenExample, GoldenSet, Parity
from model_build.network import Classifier, by_length, pad

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from model_build.data import Example
    from model_build.spec import Spec

_SCORE_DIGITS = 6


def parity(
    network: Classifier,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    probabilities: NDArray[np.float32],
    *,
    tolerance: float,
) -> Parity:
    """Compare the graph's probabilities with the network's.

    Args:
        network: as trained.
        tokenizer: the one that the graph's answers were made with.
        texts: what both answer.
        probabilities: of the graph, one row a text.
        tolerance: the largest difference that passes.

    Raises:
        BuildError: a probability differs by more.
    """
    ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    difference = 0.0
    with torch.inference_mode():
        # Other batches than the graph's, so that a mistake in the padding cannot be the same on both sides.
        for batch in by_length(ids, range(len(ids)), size=20):
            wanted = network(*pad([ids[index] for index in batch])).numpy()
            difference = max(difference, float(np.abs(wanted - probabilities[batch]).max()))
    if difference > tolerance:
        raise BuildError(
            f"parity: a probability of the ONNX graph differs by {difference:.2e} from the network's, allowed are"
            f" {tolerance:.0e} (checks.parity_tolerance); the export is wrong"
        )
    return Parity(max_abs_difference=difference, examples=len(texts))


def golden(examples: Sequence[Example], probabilities: NDArray[np.float32], spec: Spec) -> GoldenSet:
    """Choose held-out texts whose answer is right and far from a change of label, as many of each label.

    Raises:
        BuildError: there are too few.
    """
    checks = spec.checks
    wanted = checks.golden_examples // len(spec.labels)
    found = list[GoldenExample]()
    for label, name in enumerate(spec.labels):
        scores = probabilities[:, label]
        chosen = [
            GoldenExample(text=example.text, label=name, score=round(float(score), _SCORE_DIGITS))
            for example, score in zip(examples, scores, strict=True)
            if example.label == label and score >= checks.golden_min_score
        ][:wanted]
        if len(chosen) < wanted:
            raise BuildError(
                f"golden texts: only {len(chosen)} {name} held-out texts score at least {checks.golden_min_score},"
                f" {wanted} are needed; lower checks.golden_min_score"
            )
        found += chosen
    return GoldenSet(tolerance=checks.golden_tolerance, examples=tuple(found))
