"""One ONNX Runtime session, and what really runs its nodes: ONNX Runtime falls back to the CPU without an error."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol, cast

import onnxruntime as ort

from serving.manifest import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

CPU = "CPUExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"

_NO_SPINNING = "session.intra_op.allow_spinning"
_RECORD_ASSIGNMENT = "session.record_ep_graph_assignment_info"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class _Node(Protocol):
    @property
    def op_type(self) -> str: ...


class _Subgraph(Protocol):
    @property
    def ep_name(self) -> str: ...
    def get_nodes(self) -> Sequence[_Node]: ...


class Session(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used; the package has no type stubs."""

    def run(self, names: list[str], feeds: dict[str, NDArray[np.int64]]) -> list[NDArray[np.float32]]:
        """Run the graph."""
        ...

    def get_inputs(self) -> list[_Named]:
        """Inputs of the graph."""
        ...

    def get_providers(self) -> list[str]:
        """Providers that were registered, which need not run a node."""
        ...

    def get_provider_graph_assignment_info(self) -> Sequence[_Subgraph]:
        """Which provider took which nodes."""
        ...


def runtime_version() -> str:
    """Version of ONNX Runtime."""
    return cast("Any", ort).__version__


def open_session(path: Path, *, provider: str, threads: int, options: Mapping[str, str] | None = None) -> Session:
    """Load a graph.

    Args:
        path: the ONNX file.
        provider: the execution provider that is to run it.
        threads: within one operator, on the CPU.
        options: of the provider.

    Raises:
        ModelError: the file is no graph, or the provider refuses it. A provider that cannot be had is no error here:
            see :func:`foreign_nodes`.
    """
    runtime = cast("Any", ort)  # no type stubs
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    # Spinning threads win microseconds and burn the CPU quota of an idle pod.
    settings.add_session_config_entry(_NO_SPINNING, "0")
    settings.add_session_config_entry(_RECORD_ASSIGNMENT, "1")
    wanted = [(provider, dict(options or {}))]
    try:
        # The Python package would answer a failing provider with a second try on the CPU, and print to stdout.
        session = runtime.InferenceSession(str(path), sess_options=settings, providers=wanted, enable_fallback=0)
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no narrower class
        raise ModelError(f"{path}: {' '.join(str(error).split())}") from None
    return cast("Session", session)


def foreign_nodes(session: Session, provider: str) -> str:
    """Say what of a graph does not run on the provider that was asked for; empty when all of it does."""
    registered = session.get_providers()
    if provider not in registered:
        return f"{provider} was asked for, {registered[0]} runs"
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    foreign = total = 0
    for subgraph in session.get_provider_graph_assignment_info():
        nodes = subgraph.get_nodes()
        total += len(nodes)
        if subgraph.ep_name != provider:
            foreign += len(nodes)
            kinds[subgraph.ep_name].update(node.op_type for node in nodes)
    if not foreign:
        return ""
    found = "; ".join(f"{name}: {', '.join(sorted(types))}" for name, types in sorted(kinds.items()))
    return f"{provider} was asked for, {foreign} of {total} nodes run elsewhere ({found})"
