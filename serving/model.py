"""One model version in memory: its description, its tokenizer, its golden answers and its ONNX session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, cast

import numpy as np
import onnxruntime as ort
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tokenizers import Tokenizer

from serving.manifest import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_NO_SPINNING = "session.intra_op.allow_spinning"


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


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class _Session(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used; the package has no type stubs."""

    def run(self, names: list[str], feeds: dict[str, NDArray[np.int64]]) -> list[NDArray[np.float32]]: ...
    def get_inputs(self) -> list[_Named]: ...
    def get_providers(self) -> list[str]: ...


@dataclass(frozen=True, kw_only=True)
class Model:
    """A loaded model. ``classify`` is called from one thread, ``encode`` from any."""

    card: ModelCard
    golden: GoldenSet
    tokenizer: Tokenizer
    session: _Session

    @classmethod
    def load(cls, directory: Path, *, provider: str, threads: int) -> Self:
        """Load a verified model directory.

        Raises:
            ModelError: a file does not hold what it must.
        """
        tokenizer = _tokenizer(directory / "tokenizer.json")
        return cls(
            card=_read(ModelCard, directory / "model.json"),
            golden=_read(GoldenSet, directory / "golden.json"),
            tokenizer=tokenizer,
            session=_session(directory / "model.onnx", provider=provider, threads=threads),
        )

    @property
    def provider(self) -> str:
        """The execution provider that runs the graph, which need not be the one that was asked for."""
        return self.session.get_providers()[0]

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
        ids = np.zeros((len(batch), max(map(len, batch))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        wanted = {entry.name for entry in self.session.get_inputs()}
        return self.session.run(["probabilities"], {name: feeds[name] for name in wanted})[0]


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


def _session(path: Path, *, provider: str, threads: int) -> _Session:
    runtime = cast("Any", ort)  # no type stubs
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads win microseconds and burn the CPU quota of an idle pod.
    options.add_session_config_entry(_NO_SPINNING, "0")
    try:
        return cast("_Session", runtime.InferenceSession(str(path), sess_options=options, providers=[provider]))
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no narrower class
        raise ModelError(f"{path}: {error}") from None
