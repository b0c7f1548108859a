"""What a TensorRT engine is built for, and the provider options of ONNX Runtime that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Precision = Literal["fp32", "fp16", "bf16"]
_MIB = 1024**2


class Shape(BaseModel):
    """The range of one dimension that an engine takes, and the size that it is tuned for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: int = Field(ge=1, le=65536)
    opt: int = Field(ge=1, le=65536)
    max: int = Field(ge=1, le=65536)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min <= self.opt <= self.max:
            raise PydanticCustomError("order", "allowed is smallest <= usual <= largest")
        return self


def _from_text(value: object) -> object:
    """``1,8,32`` is smallest, usual and largest size."""
    if not isinstance(value, str):
        return value
    parts = value.split(",")
    if len(parts) != len(Shape.model_fields):
        raise PydanticCustomError("shape", "allowed are three numbers, for example 1,8,32")
    return dict(zip(Shape.model_fields, parts, strict=True))


ShapeVariable = Annotated[Shape, BeforeValidator(_from_text)]


class Profile(BaseModel):
    """Precision, texts in one run, tokens of the longest text in a run, and the memory that the builder may use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: Precision
    batch: Shape
    length: Shape
    workspace_mib: int


def tensorrt_options(
    profile: Profile, *, inputs: Iterable[str], engines: Path, timings: Path | None = None
) -> dict[str, str]:
    """Options of ONNX Runtime's TensorRT provider.

    Args:
        profile: what the engine is for.
        inputs: names of the graph's inputs, all of shape [batch, length].
        engines: folder of the engine: read if it is there, else built and written.
        timings: folder of the timing cache, which only makes a build faster; without it there is none.

    Source: https://onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html
    """
    names = sorted(inputs)

    def shapes(size: Literal["min", "opt", "max"]) -> str:
        shape = f"{getattr(profile.batch, size)}x{getattr(profile.length, size)}"
        return ",".join(f"{name}:{shape}" for name in names)

    timing = {} if timings is None else {"trt_timing_cache_path": str(timings)}
    return {
        "device_id": "0",
        "trt_fp16_enable": str(profile.precision == "fp16"),
        "trt_bf16_enable": str(profile.precision == "bf16"),
        "trt_max_workspace_size": str(profile.workspace_mib * _MIB),
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": str(engines),
        "trt_timing_cache_enable": str(timings is not None),
        "trt_profile_min_shapes": shapes("min"),
        "trt_profile_opt_shapes": shapes("opt"),
        "trt_profile_max_shapes": shapes("max"),
        **timing,
    }
