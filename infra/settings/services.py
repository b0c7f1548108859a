"""Services, the versions that their slots run, and the profile that engines are built for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from infra import quantities
from infra.settings import errors
from infra.settings.base import CpuQuantity, FlagName, MemoryQuantity, Model, Name, SemanticVersion
from infra.settings.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.instance_types import Gpu

_ALL = 100  # per cent

# The least compute capability with tensor cores for it.
# Source: https://docs.nvidia.com/deeplearning/tensorrt/latest/getting-started/support-matrix.html
_NEEDED_CAPABILITY = {"fp32": 75, "fp16": 75, "bf16": 80}


class Resources(Model):
    """What one replica asks for and is held to."""

    cpu: CpuQuantity = Field(default="1", description="CPU that the scheduler sets aside.")
    cpu_limit: CpuQuantity | None = Field(default=None, description="CPU that it may use at most; `cpu` without.")
    memory: MemoryQuantity = "1Gi"
    gpus: Annotated[int, Field(ge=0, le=16)] = 1

    @model_validator(mode="after")
    def _limit_covers_request(self) -> Self:
        if self.cpu_limit is not None and quantities.millis(self.cpu_limit) < quantities.millis(self.cpu):
            sentence = f"{self.cpu_limit!r} is less than cpu, {self.cpu!r}. Allowed: as much or more"
            raise errors.conflict(("cpu_limit",), sentence)
        return self


class Shape(Model):
    """The range of one dimension that an engine takes, and the size that it is tuned for."""

    min: Annotated[int, Field(ge=1, le=65536)]
    opt: Annotated[int, Field(ge=1, le=65536)]
    max: Annotated[int, Field(ge=1, le=65536)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min <= self.opt <= self.max:
            sentence = f"{self.opt} is not between min, {self.min}, and max, {self.max}. Allowed: min <= opt <= max"
            raise errors.conflict(("opt",), sentence)
        return self


class Profile(Model):
    """What the TensorRT engines of a service are built for; see ADR 0011."""

    precision: Literal["fp32", "fp16", "bf16"]
    batch: Shape = Field(description="Texts in one run.")
    length: Shape = Field(description="Tokens of the longest text in a run.")
    workspace_mib: Annotated[int, Field(ge=64, le=65536)] = Field(
        default=2048, description="GPU memory that the builder may use while it tries kernels."
    )

    def misfit(self, gpu: Gpu) -> tuple[errors.Location, str] | None:
        """Why no engine of this profile runs on a GPU: the key below the profile and a sentence; None if one does."""
        needed = _NEEDED_CAPABILITY[self.precision]
        if gpu.compute_capability < needed:
            fitting = ", ".join(name for name, least in _NEEDED_CAPABILITY.items() if least <= gpu.compute_capability)
            sentence = f'"{self.precision}" needs sm{needed}, and {gpu.name} is {gpu.architecture}. Allowed: {fitting}'
            return ("precision",), sentence
        # Half of the memory is left for weights, activations and the context of what serves beside the builder.
        if self.workspace_mib > (most := gpu.memory_gib * 1024 // 2):
            sentence = f"{self.workspace_mib} is too much for {gpu.name}, {gpu.memory_gib} GiB. Allowed: up to {most}"
            return ("workspace_mib",), sentence
        return None


class Slot(Model):
    """A running version of a service."""

    version: SemanticVersion
    replicas: Annotated[int, Field(ge=0, le=100)]
    weight: Annotated[int, Field(ge=0, le=100)] = Field(description="Per cent of the service's requests.")


class CanaryRelease(Model):
    """A candidate takes a growing share of the stable slot's traffic."""

    slot_names: ClassVar = ("stable", "candidate")

    strategy: Literal["canary"]
    steps: Annotated[tuple[Annotated[int, Field(ge=1, le=100)], ...], Field(min_length=1)] = Field(
        default=(5, 20, 40, 100), description="The candidate's weights, one after the other; the last is 100."
    )
    pause_minutes: Annotated[int, Field(ge=0, le=10080)] = Field(
        default=15, description="How long a step lasts at least before the next, when `python -m rollout watch` drives."
    )
    sticky: bool = Field(
        default=True,
        description="Whether a user stays with a slot, by the header X-User-Bucket; requests without it go by weight.",
    )
    mirror: Annotated[int, Field(ge=0, le=100)] = Field(
        default=0,
        description="Per cent of the users whose requests are also asked of the candidate, to compare its answers.",
    )
    agreement: Annotated[int, Field(ge=1, le=100)] = Field(
        default=90,
        description="Per cent of mirrored requests on which two good versions agree; 5 points below is a loss.",
    )
    baseline: bool = Field(
        default=True,
        description="Whether the stable version runs beside the candidate, in its number and weight, for comparison.",
    )
    stable: Slot
    candidate: Slot | None = None

    @model_validator(mode="after")
    def _steps_rise_to_all(self) -> Self:
        if list(self.steps) != sorted(set(self.steps)) or self.steps[-1] != _ALL:
            sentence = (
                f"{list(self.steps)} is not allowed. Allowed: weights that rise to 100, for example [5, 20, 40, 100]"
            )
            raise errors.conflict(("steps",), sentence)
        return self

    def slots(self) -> Iterator[tuple[str, Slot]]:
        """The slots that are filled, by name."""
        yield "stable", self.stable
        if self.candidate is not None:
            yield "candidate", self.candidate


class BlueGreenRelease(Model):
    """Two colours, of which one takes all traffic."""

    slot_names: ClassVar = ("blue", "green")

    strategy: Literal["blue_green"]
    keep_minutes: Annotated[int, Field(ge=0, le=10080)] = Field(
        default=60,
        description="How long the colour that was left is kept, when `python -m rollout watch` drives.",
    )
    blue: Slot | None = None
    green: Slot | None = None

    @model_validator(mode="after")
    def _one_colour_at_least(self) -> Self:
        if self.blue is None and self.green is None:
            raise errors.conflict((), "neither slot is filled. Allowed: blue, green or both")
        return self

    def slots(self) -> Iterator[tuple[str, Slot]]:
        """The slots that are filled, by name."""
        for name, slot in (("blue", self.blue), ("green", self.green)):
            if slot is not None:
                yield name, slot


class Autoscaling(Model):
    """How many replicas a slot may have beyond those of the stack file, and by what it gets them."""

    max_replicas: Annotated[int, Field(ge=1, le=100)] = Field(description="Of each slot; `replicas` is the least.")
    requests_in_flight: Annotated[int, Field(ge=1, le=10000)] = Field(
        description="Requests that one pod answers at a time, on average, before another is started."
    )


Release = Annotated[CanaryRelease | BlueGreenRelease, Field(discriminator="strategy")]


class Service(Model):
    """One model behind one route."""

    name: Name
    task: Literal["text-classification"]
    pool: Name
    team: Name = Field(description="Who is told when it breaks its objective.")
    objective: Objective
    resources: Resources = Resources()
    profile: Profile | None = Field(default=None, description="For pools of variant cuda-trt, and only there.")
    autoscaling: Autoscaling | None = Field(
        default=None, description="Without it a slot has the replicas of the stack file."
    )
    flags: dict[FlagName, bool | float | str] | None = Field(
        default=None,
        description="Feature flags of all its slots; a change reaches running pods. The first one starts them anew.",
    )
    release: Release

    @model_validator(mode="after")
    def _autoscaling_covers_replicas(self) -> Self:
        for name, slot in self.release.slots():
            if self.autoscaling is not None and slot.replicas > self.autoscaling.max_replicas:
                sentence = f"{self.autoscaling.max_replicas} is less than {name}.replicas, {slot.replicas}"
                raise errors.conflict(("autoscaling", "max_replicas"), f"{sentence}. Allowed: as many or more")
        return self

    def versions(self) -> tuple[str, ...]:
        """The versions that its slots name, once each."""
        return tuple(dict.fromkeys(slot.version for _, slot in self.release.slots()))
