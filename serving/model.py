"""One model version in memory: its description, its tokenizer, its golden answers and its ONNX session."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tokenizers import Tokenizer

from serving.manifest import ModelError
from serving.session import foreign_nodes, open_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from serving.session import Session


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_Document = TypeVar("_Document", bound=_Strict)


class ModelCard(_Strict):
    """``model.json``: what the model is and what it takes."""

    schema_version: Literal[1]
    service: str
    version: str
    task: Literal["text-classification"]
    labels: list[str] = Field(min_length=2)
    max_tokens: int = Field(ge=1)


class GoldenExample(_Strict):
    """A held-out text and the answer that the build measured for it."""

    text: str
    label: str
    score: float


class GoldenSet(_Strict):
    """``golden.json``: answers that this version must give wherever it runs, within a tolerance of the score."""

    tolerance: float = Field(gt=0)
    examples: list[GoldenExample] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A loaded model. ``classify`` is called from one thread, ``encode`` from any.

    Attributes:
        provider: the execution provider that was asked for.
        least: rows and tokens that a run has at least; smaller ones are padded.
    """

    card: ModelCard
    golden: GoldenSet
    tokenizer: Tokenizer
    session: Session
    provider: str
    least: tuple[int, int] = (1, 1)

    @classmethod
    def load(
        cls,
        directory: Path,
        *,
        provider: str,
        threads: int,
        options: Mapping[str, str] | None = None,
        least: tuple[int, int] = (1, 1),
    ) -> Self:
        """Load a verified model directory; the options are the provider's.

        Raises:
            ModelError: a file does not hold what it must.
        """
        tokenizer = _tokenizer(directory / "tokenizer.json")
        return cls(
            card=_read(ModelCard, directory / "model.json"),
            golden=_read(GoldenSet, directory / "golden.json"),
            tokenizer=tokenizer,
            session=open_session(directory / "model.onnx", provider=provider, threads=threads, options=options),
            provider=provider,
            least=least,
        )

    @property
    def first_provider(self) -> str:
        """The provider that comes first, which need not be the one that was asked for."""
        return self.session.get_providers()[0]

    @cached_property
    def foreign_nodes(self) -> str:
        """What of the graph does not run on the provider that was asked for; empty when all of it does."""
        return foreign_nodes(self.session, self.provider)

    @property
    def special_tokens(self) -> int:
        """How many tokens the tokenizer adds to a text."""
        return self.tokenizer.num_special_tokens_to_add(is_pair=False)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Turn texts into token ids, special tokens included, neither cut nor padded."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts))]

    def classify(self, batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Run the graph once.

        Args:
            batch: token ids of each text, at least one text.

        Returns:
            Probabilities of shape [texts, labels].
        """
        ids, mask = pad(batch, self.least)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        wanted = {entry.name for entry in self.session.get_inputs()}
        return self.session.run(["probabilities"], {name: feeds[name] for name in wanted})[0][: len(batch)]


def pad(batch: Sequence[Sequence[int]], least: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Make token ids and their mask, of shape [texts, longest text] or of the least rows and columns."""
    rows, columns = least
    ids = np.zeros((max(rows, len(batch)), max(columns, *map(len, batch))), dtype=np.int64)
    mask = np.zeros_like(ids)
    mask[:, 0] = 1  # of padded rows too: a mean over no token is not a number
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask


def _read(kind: type[_Document], path: Path) -> _Document:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - the Rust library raises Exception itself
        raise ModelError(f"{path}: {error}") from None
    # Too long texts are refused and batches are padded to their own longest text.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
