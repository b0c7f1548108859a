"""What an engine would be built for on this machine: GPU architecture, TensorRT version."""

from __future__ import annotations

import ctypes
import platform
from dataclasses import dataclass
from typing import Any, cast

from serving.manifest import ModelError
from serving.session import TENSORRT

# The major version that ONNX Runtime's TensorRT provider links; `python -m local.images wheels-cuda` compares the two.
TENSORRT_LIBRARY = "libnvinfer.so.10"


class AcceleratorError(ModelError):
    """This machine has not what the provider that was asked for needs; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """What runs the graph.

    Attributes:
        architecture: of the GPU, as CUDA names it (``sm80``), or of the CPU (``x86_64``).
        device: its name, for people.
        tensorrt: version of TensorRT's library; None where it plays no part.
    """

    architecture: str
    device: str
    tensorrt: str | None


def find(provider: str) -> Accelerator:
    """Describe what the provider runs on.

    Raises:
        AcceleratorError: no GPU, no driver or no TensorRT where the provider needs them.
    """
    if provider != TENSORRT:
        return Accelerator(
            architecture=platform.machine(), device=platform.processor() or platform.machine(), tensorrt=None
        )
    architecture, device = _first_gpu()
    return Accelerator(architecture=architecture, device=device, tensorrt=_tensorrt_version())


def _first_gpu() -> tuple[str, str]:
    """Architecture and name of the GPU that a container sees first: the only one, unless it asked for more."""
    try:
        import pynvml  # noqa: PLC0415  # the variant cpu has no such package
    except ModuleNotFoundError:
        raise AcceleratorError("nvidia-ml-py is not installed: this is not an image of variant cuda-trt") from None
    nvml = cast("Any", pynvml)  # no complete types
    try:
        nvml.nvmlInit()
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(0)
            major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
            return f"sm{major}{minor}", str(nvml.nvmlDeviceGetName(handle))
        finally:
            nvml.nvmlShutdown()
    except nvml.NVMLError as error:
        raise AcceleratorError(f"no GPU can be used: NVML says: {error}") from None


def _tensorrt_version() -> str:
    try:
        number = ctypes.CDLL(TENSORRT_LIBRARY).getInferLibVersion()
    except (OSError, AttributeError) as error:
        raise AcceleratorError(f"TensorRT cannot be used: {error}") from None
    # Since TensorRT 10: major * 10000 + minor * 100 + patch.
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"
