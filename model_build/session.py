"""The exported graph, run as it will be served: ONNX Runtime on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import onnxruntime

from model_build.export import INPUTS, OUTPUT
from model_build.network import by_length, pad

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from model_build.progress import Update

BATCH = 32


class _Session(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used; the package has no types."""

    def run(self, names: list[str], feeds: dict[str, NDArray[np.int64]]) -> list[NDArray[np.float32]]: ...


class Session:
    """A graph file with its tokenizer."""

    def __init__(self, graph: Path, tokenizer: Tokenizer, *, threads: int) -> None:
        options = cast("Any", onnxruntime).SessionOptions()
        options.intra_op_num_threads = threads
        providers = ["CPUExecutionProvider"]
        self._session = cast("_Session", onnxruntime.InferenceSession(graph, options, providers=providers))
        self._tokenizer = tokenizer

    def probabilities(self, texts: Sequence[str], *, update: Update) -> NDArray[np.float32]:
        """Return probabilities, float32 [texts, labels]."""
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        rows: dict[int, NDArray[np.float32]] = {}
        for batch in by_length(ids, range(len(ids)), size=BATCH):
            tensors = pad([ids[index] for index in batch])
            feeds = {name: tensor.numpy() for name, tensor in zip(INPUTS, tensors, strict=True)}
            answer = self._session.run([OUTPUT], feeds)[0]
            rows |= dict(zip(batch, answer, strict=True))
            update(len(rows) / len(ids), f"{len(rows)}/{len(ids)} texts")
        return np.stack([rows[index] for index in range(len(ids))])
