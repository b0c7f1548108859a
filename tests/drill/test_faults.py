# onnx and onnxruntime leave parameters of some functions without a type:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from drill import faults

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

MET, NOT_MET = [5, 56, 3], [5, 20, 8]


def _model() -> ModelProto:
    """An embedding, a feed-forward block, a mean, two labels: small, with the shape of an encoder."""
    source = np.random.default_rng(1)
    weights = {
        "embedding": (100, 4),
        "first": (4, 8),
        "bias": (8,),
        "second": (8, 4),
        "head": (4, 2),
    }
    nodes = [
        helper.make_node("Gather", ["embedding", "input_ids"], ["states"]),
        helper.make_node("MatMul", ["states", "first"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["inner"]),
        helper.make_node("Gelu", ["inner"], ["gelu"]),
        helper.make_node("MatMul", ["gelu", "second"], ["outer"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_column"]),
        helper.make_node("Mul", ["outer", "mask_column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "one"], ["sum"], keepdims=0),
        helper.make_node("MatMul", ["sum", "head"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    drawn = {name: source.normal(size=shape).astype(np.float32) for name, shape in weights.items()}
    axes = {"one": np.array([1], dtype=np.int64), "last": np.array([2], dtype=np.int64)}
    graph = helper.make_graph(
        nodes,
        "encoder",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, name) for name, value in (drawn | axes).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def _ask(model: ModelProto, *texts: list[int]) -> NDArray[np.float32]:
    longest = max(map(len, texts))
    ids = np.array([[*text, *([0] * (longest - len(text)))] for text in texts], dtype=np.int64)
    mask = np.array([[1] * len(text) + [0] * (longest - len(text)) for text in texts], dtype=np.int64)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # the error is what is wanted
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return cast("NDArray[np.float32]", session.run(None, {"input_ids": ids, "attention_mask": mask})[0])


def _faulty(fault: faults.Fault) -> ModelProto:
    model = _model()
    faults.put(fault, model)
    return model


def test_the_texts_are_what_the_tests_take_them_for() -> None:
    """One whose ids' sum ends in small digits, and one whose does not."""
    assert faults.is_met(MET, faults.ERRORS_PER_CENT)
    assert not faults.is_met(NOT_MET, faults.WRONG_PER_CENT)


def test_errors_end_the_run_of_a_text_that_is_met() -> None:
    """Another text has the answer that it had."""
    model = _faulty("errors")
    np.testing.assert_array_equal(_ask(model, NOT_MET), _ask(_model(), NOT_MET))
    with pytest.raises(Exception, match="out of data bounds"):
        _ask(model, MET)


def test_wrong_answers_are_the_other_label_s() -> None:
    """Only of the text that is met, also beside others and with padding."""
    good, answered = (_ask(model, [*NOT_MET, 7], MET) for model in (_model(), _faulty("wrong")))
    np.testing.assert_array_equal(answered[0], good[0])
    np.testing.assert_array_equal(answered[1], good[1][::-1])


def test_latency_changes_no_answer() -> None:
    """The work is done, and counts for nothing."""
    model = _faulty("latency")
    np.testing.assert_array_equal(_ask(model, NOT_MET, MET), _ask(_model(), NOT_MET, MET))
    assert sum(node.op_type == "MatMul" for node in model.graph.node) == 3 + 2 * faults.EXTRA_BLOCKS
