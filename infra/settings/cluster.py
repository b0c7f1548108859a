"""Where the cluster of a stack comes from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from infra import instance_types
from infra.settings import errors
from infra.settings.base import Cidr, DigestReference, IamArn, Model


class EmbeddedCluster(Model):
    """The cluster that ``python -m local up`` runs on this machine."""

    kind: Literal["embedded"]
    gpus: Annotated[int, Field(ge=0, le=64)] = Field(default=2, description="Simulated nvidia.com/gpu on the node.")


class PlatformImages(Model):
    """Images that a cluster pulls for what the platform itself runs on."""

    base: DigestReference = Field(description="Base image of the serving image: Debian 12 with Python 3.11.")
    contour: DigestReference
    envoy: DigestReference
    prometheus: DigestReference
    alertmanager: DigestReference
    kube_state_metrics: DigestReference
    node_exporter: DigestReference
    collector: DigestReference = Field(description="OpenTelemetry collector.")
    grafana: DigestReference
    prometheus_adapter: DigestReference | None = Field(
        default=None, description="Needed where a service has `autoscaling`, and only there."
    )


class ClusterImages(PlatformImages):
    """As above, and the registry that the serving image is pushed to."""

    registry: str = Field(description="Repository prefix, for example ghcr.io/acme.")


class ExistingCluster(Model):
    """Any cluster that a kubeconfig context names: kind, minikube, a cloud's."""

    kind: Literal["existing"]
    context: str = Field(description="Name of the context in the kubeconfig.")
    kubeconfig: str | None = Field(default=None, description="Its path; by default $KUBECONFIG or ~/.kube/config.")
    images: ClusterImages


class EksImages(PlatformImages):
    """As above, and what only GPU nodes of a cloud need."""

    device_plugin: DigestReference
    dcgm_exporter: DigestReference
    cluster_autoscaler: DigestReference


class NodeGroupSize(Model):
    """How many nodes a group may have."""

    min: Annotated[int, Field(ge=0, le=100)]
    max: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _min_is_not_above_max(self) -> Self:
        if self.min > self.max:
            raise errors.conflict(("min",), f"{self.min} is above max, {self.max}. Allowed: at most max")
        return self


class SystemNodes(NodeGroupSize):
    """The node group of what is not a GPU workload: gateway, DNS, add-ons. Its nodes are in every zone."""

    min: Annotated[int, Field(ge=1, le=100)] = Field(description="At least one: add-ons start nowhere else.")
    instance_type: str = Field(description="One of infra/instance_types.py.")

    @model_validator(mode="after")
    def _type_is_known(self) -> Self:
        if self.instance_type not in instance_types.SYSTEM_TYPES:
            allowed = ", ".join(instance_types.SYSTEM_TYPES)
            raise errors.conflict(("instance_type",), f'"{self.instance_type}" is not allowed. Allowed: {allowed}')
        return self


class EksCluster(Model):
    """A cluster that this stack makes, on EKS."""

    kind: Literal["eks"]
    version: Annotated[str, StringConstraints(pattern=r"^1\.(33|34|35)$")] = Field(
        description="Kubernetes version; each has its pinned add-ons in infra/aws/addons.py."
    )
    public_access: tuple[Cidr, ...] = Field(
        default=(), description="Ranges that may reach the API server from outside the VPC; none: it is private."
    )
    administrators: tuple[IamArn, ...] = Field(default=(), description="Roles with all rights in the cluster.")
    log_days: Literal[7, 14, 30, 60, 90, 180, 365] = Field(default=30, description="Life of control-plane logs.")
    system_nodes: SystemNodes
    images: EksImages

    @model_validator(mode="after")
    def _public_access_names_somebody(self) -> Self:
        if "0.0.0.0/0" in self.public_access:
            index = self.public_access.index("0.0.0.0/0")
            sentence = '"0.0.0.0/0" is everybody. Allowed: the ranges of your own networks'
            raise errors.conflict(("public_access", index), sentence)
        return self


Cluster = Annotated[EmbeddedCluster | ExistingCluster | EksCluster, Field(discriminator="kind")]
