"""GPU pools: what they run and, in a cloud, which nodes they are made of."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from infra import instance_types
from infra.settings import errors
from infra.settings.base import Model, Name
from infra.settings.cluster import NodeGroupSize

Variant = Literal["cpu", "cuda-trt"]


class PoolNodes(NodeGroupSize):
    """The node group of a pool. With ``min: 0`` nodes come when pods wait for them, which takes minutes."""

    instance_type: str = Field(description="One of infra/instance_types.py.")
    capacity: Literal["on_demand", "spot"] = "on_demand"
    disk_gib: Annotated[int, Field(ge=50, le=2000)] = Field(
        default=100, description="Root volume, for images of up to 10 GB each and the container runtime."
    )

    @model_validator(mode="after")
    def _type_is_known(self) -> Self:
        if self.instance_type not in instance_types.GPU_TYPES:
            allowed = ", ".join(instance_types.GPU_TYPES)
            raise errors.conflict(("instance_type",), f'"{self.instance_type}" is not allowed. Allowed: {allowed}')
        return self


class Pool(Model):
    """A GPU pool: the nodes labelled ``inferstack.dev/pool=<name>``."""

    name: Name
    variant: Variant = Field(description="The variant of a version that this pool runs.")
    nodes: PoolNodes | None = Field(default=None, description="The node group; for cluster.kind eks, and only there.")
