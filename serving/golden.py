"""Regression test of a model where it runs: the golden texts must get the answers that the build measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.batching import plan

if TYPE_CHECKING:
    from serving.model import Model

_BATCH = 16


@dataclass(frozen=True, kw_only=True)
class GoldenResult:
    """Whether all golden texts were answered as before, and what was seen."""

    ok: bool
    reason: str


def try_golden(model: Model, *, max_batch_tokens: int) -> GoldenResult:
    """Answer all golden texts, in batches, as the service would.

    A text passes with the same label and a score that differs by the tolerance at most.
    """
    examples = model.golden.examples
    tokens = model.encode([example.text for example in examples])
    wrong: list[int] = []
    worst = 0.0
    for group in plan([len(ids) for ids in tokens], max_batch=_BATCH, max_batch_tokens=max_batch_tokens):
        for index, row in zip(group, model.classify([tokens[index] for index in group]), strict=True):
            expected = examples[index]
            best = int(row.argmax())
            difference = abs(float(row[best]) - expected.score)
            worst = max(worst, difference)
            if model.card.labels[best] != expected.label or not difference <= model.golden.tolerance:
                wrong.append(index)
    found = f"largest difference of a score {worst:.4f}, tolerance {model.golden.tolerance}"
    if wrong:
        reason = f"{len(wrong)} of {len(examples)} golden texts answered differently (first: {min(wrong)}; {found})"
        return GoldenResult(ok=False, reason=reason)
    return GoldenResult(ok=True, reason=f"{len(examples)} golden texts answered as built ({found})")
