"""A model directory of a few kilobytes: a real ONNX graph and tokenizer that know ten words."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
NEGATIVE = ["awful", "bad", "dull", "poor", "sad"]
POSITIVE = ["good", "great", "lovely", "warm", "wonderful"]
MAX_TOKENS = 16
VERSION = "0.1.0"
# Each word moves the logits by 1; the mean of a text is taken over its tokens, [CLS] and [SEP] included.
GOLDEN: list[dict[str, Any]] = [
    {"text": "wonderful", "label": "positive", "score": 0.6608},
    {"text": "bad", "label": "negative", "score": 0.6608},
    {"text": "a good good good film", "label": "positive", "score": 0.7021},
]


def write_model(directory: Path, *, delay_loops: int = 0, labels: Sequence[str] = ("negative", "positive")) -> Path:
    """Write a model directory with its manifest.

    Args:
        directory: is made.
        delay_loops: rounds of a costly product in the graph, about 10 ms each, to make it slow without sleeping.
        labels: of the bad and the good; turned around they make a version that is always wrong.
    """
    directory.mkdir(parents=True)
    words = [*SPECIAL, *NEGATIVE, *POSITIVE]
    weights = np.zeros((len(words), 2), dtype=np.float32)
    for word in NEGATIVE:
        weights[words.index(word)] = (1, -1)
    for word in POSITIVE:
        weights[words.index(word)] = (-1, 1)
    (directory / "model.onnx").write_bytes(_graph(weights, delay_loops).SerializeToString())
    _tokenizer(words).save(str(directory / "tokenizer.json"))
    card = {
        "schema_version": 1,
        "service": "sentiment",
        "version": VERSION,
        "task": "text-classification",
        "labels": list(labels),
        "max_tokens": MAX_TOKENS,
    }
    (directory / "model.json").write_text(json.dumps(card))
    golden = [example | {"label": labels[("negative", "positive").index(example["label"])]} for example in GOLDEN]
    (directory / "golden.json").write_text(json.dumps({"tolerance": 0.001, "examples": golden}))
    write_manifest(directory)
    return directory


def write_manifest(directory: Path) -> None:
    """Name every file with its SHA-256, as the build does."""
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(directory.iterdir())
        if path.name != "manifest.json"
    }
    (directory / "manifest.json").write_text(json.dumps({"schema_version": 1, "files": files}))


def _tokenizer(words: list[str]) -> Tokenizer:
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - a token of text
    editable = cast("Any", tokenizer)
    editable.pre_tokenizer = Whitespace()
    editable.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", words.index("[CLS]")), ("[SEP]", words.index("[SEP]"))]
    )
    # What a fine-tuned tokenizer often brings along and serving must undo.
    editable.enable_truncation(4)
    editable.enable_padding(length=8)
    return tokenizer


def _graph(weights: np.ndarray[Any, Any], delay_loops: int) -> onnx.ModelProto:
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1]), "axis")]
    nodes = [
        helper.make_node("Gather", ["weights", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "minus_one"], ["wide_mask"]),
        helper.make_node("Mul", ["words", "wide_mask"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "axis"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "axis"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["logits"]),
    ]
    constants.append(numpy_helper.from_array(np.array([-1]), "minus_one"))
    last = "logits"
    if delay_loops:
        zeros, ones = np.zeros((1024, 1024), dtype=np.float32), np.ones((512, 1), dtype=np.float32)
        constants.append(numpy_helper.from_array(zeros[:2], "up"))
        constants.append(numpy_helper.from_array(zeros[:, :2], "down"))
        constants.append(numpy_helper.from_array(zeros, "square"))
        constants.append(numpy_helper.from_array(ones, "tall"))
        constants.append(numpy_helper.from_array(np.array([1]), "second"))
        nodes.append(helper.make_node("MatMul", [last, "up"], ["row"]))
        nodes.append(helper.make_node("Unsqueeze", ["row", "second"], ["wide"]))
        nodes.append(helper.make_node("Mul", ["wide", "tall"], ["d0"]))
        for loop in range(delay_loops):
            nodes.append(helper.make_node("MatMul", [f"d{loop}", "square"], [f"m{loop}"]))
            nodes.append(helper.make_node("Tanh", [f"m{loop}"], [f"d{loop + 1}"]))
        nodes.append(helper.make_node("ReduceMean", [f"d{delay_loops}"], ["mean"], axes=[1], keepdims=0))
        nodes.append(helper.make_node("MatMul", ["mean", "down"], ["nothing"]))
        nodes.append(helper.make_node("Add", [last, "nothing"], ["delayed"]))
        last = "delayed"
    nodes.append(helper.make_node("Softmax", [last], ["probabilities"], axis=-1))
    shape = ["batch", "sequence"]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
