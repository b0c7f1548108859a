"""Network to ONNX graph, with dynamic batch and sequence length and the softmax inside."""

# torch.onnx and onnx leave parameters of some functions without a type:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import onnx
import torch
from torch.export import Dim

if TYPE_CHECKING:
    from pathlib import Path

    from model_build.network import Classifier

INPUTS = ("input_ids", "attention_mask")
OUTPUT = "probabilities"


def export(network: Classifier, path: Path) -> None:
    """Write the graph to a file.

    Inputs are int64 [batch, sequence], the output is float32 [batch, labels].
    """
    ids = torch.ones((2, 8), dtype=torch.int64)
    sizes = {0: Dim("batch", min=1), 1: Dim("sequence", min=1, max=network.encoder.config.max_position_embeddings)}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it names libraries that are not installed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside torch, of no use to who builds a model
        program = torch.onnx.export(
            network,
            (ids, torch.ones_like(ids)),
            input_names=INPUTS,
            output_names=(OUTPUT,),
            dynamic_shapes=(sizes, sizes),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise AssertionError("torch.onnx.export returns a program when dynamo is on")
    graph = program.model_proto
    _strip(graph)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


def _strip(model: onnx.ModelProto) -> None:
    """Remove what the exporter noted about its run: it holds paths of this machine and is in no hash's interest."""
    for holder in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del holder.metadata_props[:]
        holder.doc_string = ""
    for value in (*model.graph.input, *model.graph.output):
        del value.metadata_props[:]
