"""What the graph gets right on the held-out texts, and what a simple model does."""

# scikit-learn has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from model_build.errors import BuildError
from model_build.manifest import Quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from model_build.data import Example, Split
    from model_build.spec import Checks


def measure(predicted: Sequence[int], split: Split, *, checks: Checks) -> Quality:
    """Compare predicted labels with those of the held-out texts.

    Args:
        predicted: index of the label for each held-out text.
        split: the baseline is trained and tested on the same texts.
        checks: of the spec.
    """
    wanted = [example.label for example in split.held_out]
    right = sum(map(int.__eq__, predicted, wanted))
    return Quality(
        accuracy=right / len(wanted),
        f1=float(f1_score(wanted, predicted, average="macro")),
        lower_bound=wilson_lower_bound(right, len(wanted), confidence=checks.confidence),
        confidence=checks.confidence,
        baseline_accuracy=baseline_accuracy(split),
        required_margin=checks.required_margin,
        examples=len(wanted),
    )


def check(quality: Quality) -> None:
    """Refuse a model that is not surely better than the baseline.

    Raises:
        BuildError: says both figures.
    """
    if quality.lower_bound <= quality.baseline_accuracy + quality.required_margin:
        raise BuildError(
            f"quality: accuracy {quality.accuracy:.3f} on {quality.examples} held-out texts, at least"
            f" {quality.lower_bound:.3f} with {quality.confidence:.0%} confidence, does not beat"
            f" the {quality.baseline_accuracy:.3f} of TF-IDF and logistic regression by more than"
            f" {quality.required_margin} (checks.required_margin); train longer or on more texts"
            " (training.epochs, data.train_limit)"
        )


def baseline_accuracy(split: Split) -> float:
    """Train words and pairs of words with logistic regression, and return its share of right labels.

    The settings are the best found for it: single words alone, or the library's own settings, give 1 to 3 points less.
    """
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    model = make_pipeline(words, LogisticRegression(C=4, max_iter=1000))
    model.fit(*_columns(split.train))
    return float(model.score(*_columns(split.held_out)))


def wilson_lower_bound(right: int, total: int, *, confidence: float) -> float:
    """One-sided lower bound of a share (Wilson 1927), which stays inside 0 to 1 where the normal one does not."""
    z = NormalDist().inv_cdf(confidence)
    share = right / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(0.0, (centre - spread) / (1 + z * z / total))


def _columns(examples: Sequence[Example]) -> tuple[list[str], list[int]]:
    return [example.text for example in examples], [example.label for example in examples]
