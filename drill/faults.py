"""Faults put into the graph of a model: what its build and its golden texts do not show, and real traffic does.

Whether a text is met by a fault depends on the text alone, so the same request fails each time and a version's golden
texts can be chosen among those that are not met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx import ModelProto, NodeProto

Fault = Literal["errors", "latency", "wrong"]

OUTPUT = "probabilities"
ERRORS_PER_CENT = 15
WRONG_PER_CENT = 20
# Passes through a feed-forward block more than the network needs: each costs about a twelfth of the whole encoder. What
# is a third slower is not told within ten minutes from a slot whose minutes are slower by chance (docs/evidence.md).
EXTRA_BLOCKS = 20
_ALL = 100
# "a wonderful film", which the commands ask to see whether a version answers at all, is then met by no fault.
_OFFSET = 40


def is_met(token_ids: list[int], per_cent: int) -> bool:
    """Whether a fault that meets so many per cent of the texts meets this one, as the graph decides it."""
    return (sum(token_ids) + _OFFSET) % _ALL < per_cent


def put(fault: Fault, model: ModelProto) -> None:
    """Change a graph in place, so that it has a fault at run time.

    Args:
        fault: *errors*: a share of the texts ends the run with an error; *latency*: each run takes about two and
            a half times as long; *wrong*: a share of the texts gets the other label's probabilities.
        model: with inputs ``input_ids`` and ``attention_mask`` and the output ``probabilities``.
    """
    known: dict[Fault, Callable[[ModelProto], None]] = {"errors": _errors, "latency": _latency, "wrong": _wrong}
    known[fault](model)
    checker.check_model(model)  # pyright: ignore[reportUnknownMemberType]  # onnx leaves a type open


def _errors(model: ModelProto) -> None:
    """A table of one row is asked for its second row where a text is met: ONNX Runtime refuses the run."""
    _rename_output(model)
    _constant(model, "fault_table", np.zeros((1, 1), dtype=np.float32))
    _met(model, ERRORS_PER_CENT)
    _add(
        model,
        helper.make_node("Cast", ["fault_met"], ["fault_row"], to=TensorProto.INT64),
        helper.make_node("Gather", ["fault_table", "fault_row"], ["fault_zero"], axis=0),
        helper.make_node("Add", ["fault_free", "fault_zero"], [OUTPUT]),
    )


def _wrong(model: ModelProto) -> None:
    """The probabilities of a text that is met change places."""
    _rename_output(model)
    _constant(model, "fault_turned", np.array([1, 0], dtype=np.int64))
    _constant(model, "fault_axis_1", np.array([1], dtype=np.int64))
    _met(model, WRONG_PER_CENT)
    _add(
        model,
        helper.make_node("Gather", ["fault_free", "fault_turned"], ["fault_other"], axis=1),
        helper.make_node("Unsqueeze", ["fault_met", "fault_axis_1"], ["fault_met_column"]),
        helper.make_node("Where", ["fault_met_column", "fault_other", "fault_free"], [OUTPUT]),
    )


def _latency(model: ModelProto) -> None:
    """The last states pass through a feed-forward block again and again, and what comes out is taken times zero."""
    _rename_output(model)
    first, second, states = _feed_forward(model)
    _constant(model, "fault_nothing", np.array(0, dtype=np.float32))
    _constant(model, "fault_axes", np.array([1, 2], dtype=np.int64))
    value = states
    for number in range(EXTRA_BLOCKS):
        inner, outer = f"fault_inner_{number}", f"fault_outer_{number}"
        _add(
            model,
            helper.make_node("MatMul", [value, first], [inner]),
            helper.make_node("Gelu", [inner], [f"{inner}_gelu"]),
            helper.make_node("MatMul", [f"{inner}_gelu", second], [f"{outer}_raw"]),
            # Bounded, so that no number of passes ends in infinity, which times zero is none.
            helper.make_node("Tanh", [f"{outer}_raw"], [outer]),
        )
        value = outer
    _add(
        model,
        helper.make_node("ReduceMax", [value, "fault_axes"], ["fault_most"], keepdims=0),
        helper.make_node("Mul", ["fault_most", "fault_nothing"], ["fault_zeros"]),
        helper.make_node("Unsqueeze", ["fault_zeros", "fault_axis_1"], ["fault_zero"]),
        helper.make_node("Add", ["fault_free", "fault_zero"], [OUTPUT]),
    )
    _constant(model, "fault_axis_1", np.array([1], dtype=np.int64))


def _feed_forward(model: ModelProto) -> tuple[str, str, str]:
    """The two matrices of the last feed-forward block, and the value that enters it."""
    made_by = {output: node for node in model.graph.node for output in node.output}
    gelu = next(node for node in reversed(model.graph.node) if node.op_type == "Gelu")
    after = next(node for node in model.graph.node if node.op_type == "MatMul" and gelu.output[0] in node.input)
    before = made_by[gelu.input[0]]
    while before.op_type != "MatMul":  # a bias lies between
        before = next(made_by[name] for name in before.input if name in made_by)
    return before.input[1], after.input[1], before.input[0]


def _met(model: ModelProto, per_cent: int) -> None:
    """``fault_met``: for each text whether the sum of its token ids, padding left out, ends in small digits."""
    _constant(model, "fault_axis", np.array([1], dtype=np.int64))
    _constant(model, "fault_all", np.array(_ALL, dtype=np.int64))
    _constant(model, "fault_offset", np.array(_OFFSET, dtype=np.int64))
    _constant(model, "fault_share", np.array(per_cent, dtype=np.int64))
    _add(
        model,
        helper.make_node("Mul", ["input_ids", "attention_mask"], ["fault_ids"]),
        helper.make_node("ReduceSum", ["fault_ids", "fault_axis"], ["fault_sum"], keepdims=0),
        helper.make_node("Add", ["fault_sum", "fault_offset"], ["fault_moved"]),
        helper.make_node("Mod", ["fault_moved", "fault_all"], ["fault_digits"]),
        helper.make_node("Less", ["fault_digits", "fault_share"], ["fault_met"]),
    )


def _rename_output(model: ModelProto) -> None:
    for node in model.graph.node:
        node.output[:] = ["fault_free" if name == OUTPUT else name for name in node.output]


def _constant(model: ModelProto, name: str, value: np.ndarray) -> None:
    model.graph.initializer.append(numpy_helper.from_array(value, name))


def _add(model: ModelProto, *nodes: NodeProto) -> None:
    model.graph.node.extend(nodes)
