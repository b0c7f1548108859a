"""Rated texts: read, labelled, split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model_build.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from model_build.spec import DataSource

_FIELDS = 3


@dataclass(frozen=True)
class Example:
    """A text and the index of its label: 0 for a mean rating below zero, 1 for one above."""

    text: str
    label: int


@dataclass(frozen=True, kw_only=True)
class Split:
    """Texts to train on and texts to test on; no text is in both."""

    train: tuple[Example, ...]
    held_out: tuple[Example, ...]


def read_examples(raw: bytes, *, neutral_below: float) -> list[Example]:
    """Read lines of number, mean rating and text, separated by tabs.

    Texts without a label are left out, and so is a text that came before.

    Raises:
        BuildError: a line is not of that form.
    """
    texts: dict[str, Example] = {}
    for number, line in enumerate(raw.decode().rstrip().split("\n"), start=1):
        fields = line.rstrip("\r").split("\t")
        if len(fields) != _FIELDS:
            raise BuildError(f"rated texts, line {number}: {len(fields)} fields where {_FIELDS} are expected")
        _, rating, text = fields
        try:
            mean = float(rating)
        except ValueError:
            raise BuildError(f"rated texts, line {number}: the rating {rating!r} is no number") from None
        if mean != 0 and abs(mean) >= neutral_below:
            texts.setdefault(text.strip(), Example(text.strip(), int(mean > 0)))
    return list(texts.values())


def split(examples: Iterable[Example], source: DataSource) -> Split:
    """Hold some texts out.

    A text's place in the order depends on the text and the seed alone, so neither the order of the file nor a
    random generator's version can move a text from one side to the other.

    Raises:
        BuildError: there are not enough texts to train on any.
    """
    ordered = sorted(examples, key=lambda example: _rank(example.text, source.seed))
    train = tuple(ordered[source.held_out :][: source.train_limit])
    if not train:
        raise BuildError(f"data.held_out = {source.held_out}: only {len(ordered)} texts have a label; hold out fewer")
    return Split(train=train, held_out=tuple(ordered[: source.held_out]))


def _rank(text: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\t{text}".encode()).digest()
