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


def try_golden(model: Model, *, max_batch: int, max_batch_tokens: int, max_tokens: int) -> GoldenResult:
    """Answer all golden texts, in batches, as the service would.

    A text passes with the same label and a score that differs by the tolerance at most. Texts of more tokens than the
    service takes (``max_tokens``, of a profile) are left out, and counted.
    """
    examples = model.golden.examples
    tokens = model.encode([example.text for example in examples])
    taken = [index for index, ids in enumerate(tokens) if len(ids) <= max_tokens]
    wrong: list[int] = []
    worst = 0.0
    groups = plan(
        [len(tokens[index]) for index in taken], max_batch=min(max_batch, _BATCH), max_batch_tokens=max_batch_tokens
    )
    for group in groups:
        members = [taken[position] for position in group]
        for index, row in zip(members, model.classify([tokens[index] for index in members]), strict=True):
            expected = examples[index]
            best = int(row.argmax())
            difference = abs(float(row[best]) - expected.score)
            worst = max(worst, difference)
            if model.card.labels[best] != expected.label or not difference <= model.golden.tolerance:
                wrong.append(index)
    found = f"largest difference of a score {worst:.4f}, tolerance {model.golden.tolerance}"
    if left_out := len(examples) - len(taken):
        found += f"; {left_out} longer than {max_tokens} tokens left out"
    if not taken:
        return GoldenResult(ok=False, reason=f"no golden text has at most {max_tokens} tokens, so none was tried")
    if wrong:
        reason = f"{len(wrong)} of {len(taken)} golden texts answered differently (first: {min(wrong)}; {found})"
        return GoldenResult(ok=False, reason=reason)
    return GoldenResult(ok=True, reason=f"{len(taken)} golden texts answered as built ({found})")
