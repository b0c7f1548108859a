"""A whole stack, and what must fit together in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import Field, model_validator

from infra import instance_types, naming
from infra.settings import errors
from infra.settings.aws import Aws
from infra.settings.base import Model
from infra.settings.changes import Changes
from infra.settings.cluster import Cluster, EksCluster, EmbeddedCluster
from infra.settings.monitoring import LogReceiver, Monitoring
from infra.settings.pools import Pool
from infra.settings.services import BlueGreenRelease, CanaryRelease, Service

if TYPE_CHECKING:
    from collections.abc import Iterator


SYSTEM_POOL = "system"
# Objects of a slot are named after the service and it, as are the comparator's; those of a service after it alone.
_OF_SLOTS: Final = (*CanaryRelease.slot_names, *BlueGreenRelease.slot_names, "baseline", "shadow")
# Network policies of the namespace in which all services are.
_OF_ALL: Final = frozenset({"aws", "database", "default-deny", "dns", "telemetry"})


class Gateway(Model):
    """Where traffic enters the cluster."""

    address: str = Field(default="127.0.0.1", description="Host under which users reach a node of the cluster.")
    node_port: Annotated[int, Field(ge=30000, le=32767)] = Field(default=30080, description="NodePort of Envoy.")


class Settings(Model):
    """A whole stack."""

    cluster: Cluster
    aws: Aws | None = Field(default=None, description="The AWS account; for cluster.kind eks, and only there.")
    changes: Changes = Changes()
    gateway: Gateway = Gateway()
    monitoring: Monitoring
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)]
    services: tuple[Service, ...]

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        pools = [pool.name for pool in self.pools]
        for kind, names in (("pools", pools), ("services", [service.name for service in self.services])):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise errors.conflict((kind,), f"the name {twice[0]!r} is used twice; names must differ")
        taken = {naming.slot_name(service.name, slot): service.name for service in self.services for slot in _OF_SLOTS}
        for index, service in enumerate(self.services):
            if service.name in taken:
                sentence = f"{service.name!r} names a slot of {taken[service.name]!r}. Allowed: another name"
                raise errors.conflict(("services", index, "name"), sentence)
            if service.name in _OF_ALL:
                sentence = f"{service.name!r} is taken. Allowed: a name but {', '.join(sorted(_OF_ALL))}"
                raise errors.conflict(("services", index, "name"), sentence)
        if isinstance(self.cluster, EmbeddedCluster) and len(pools) > 1:
            sentence = "the embedded cluster has one node. Allowed: one pool"
            raise errors.conflict(("pools", 1), sentence)
        for index, service in enumerate(self.services):
            if service.pool not in pools:
                sentence = f"no pool is named {service.pool!r}. Allowed: {', '.join(pools)}"
                raise errors.conflict(("services", index, "pool"), sentence)
        return self

    @model_validator(mode="after")
    def _aws_has_eks_and_eks_has_aws(self) -> Self:
        kind = self.cluster.kind
        if isinstance(self.cluster, EksCluster):
            if self.aws is None:
                raise errors.conflict((), "the key inferstack:aws is missing. Allowed: a mapping, for cluster.kind eks")
            if self.aws.tier == "production" and self.cluster.public_access:
                sentence = "a public endpoint is not allowed in production. Allowed: [], and CI's runners in the VPC"
                raise errors.conflict(("cluster", "public_access"), sentence)
        elif self.aws is not None:
            raise errors.conflict(("aws",), f"not allowed with cluster.kind {kind!r}. Allowed: with 'eks'")
        return self

    @model_validator(mode="after")
    def _objectives_can_be_measured(self) -> Self:
        kept = self.monitoring.retention_days
        for index, service in enumerate(self.services):
            if (wanted := service.objective.window_days) > kept:
                sentence = f"{wanted} is more than monitoring.retention_days, {kept}: Prometheus cannot keep it"
                raise errors.conflict(("services", index, "objective", "window_days"), sentence)
        return self

    @model_validator(mode="after")
    def _teams_of_routes_are_there(self) -> Self:
        teams = sorted({naming.PLATFORM_TEAM, *(service.team for service in self.services)})
        for index, route in enumerate(self.monitoring.routes):
            if route.team is not None and route.team not in teams:
                sentence = f"no alert is of a team {route.team!r}. Allowed: {', '.join(teams)}"
                raise errors.conflict(("monitoring", "routes", index, "team"), sentence)
        return self

    @model_validator(mode="after")
    def _scaling_has_its_image(self) -> Self:
        scaled = [service.name for service in self.services if service.autoscaling is not None]
        if scaled and not isinstance(self.cluster, EmbeddedCluster) and self.cluster.images.prometheus_adapter is None:
            sentence = f"the key prometheus_adapter is missing; service {scaled[0]!r} has autoscaling, which needs it"
            raise errors.conflict(("cluster", "images"), sentence)
        return self

    @model_validator(mode="after")
    def _volumes_can_be_made(self) -> Self:
        if isinstance(self.cluster, EmbeddedCluster) and self.monitoring.storage_gib is not None:
            sentence = "the embedded cluster makes no volumes. Allowed: without; what is known goes with the pod"
            raise errors.conflict(("monitoring", "storage_gib"), sentence)
        return self

    @model_validator(mode="after")
    def _secrets_are_where_the_cluster_finds_them(self) -> Self:
        is_eks = isinstance(self.cluster, EksCluster)
        for index, receiver in enumerate(self.monitoring.receivers):
            secret = None if isinstance(receiver, LogReceiver) else receiver.secret
            if secret is not None and secret.startswith("arn:") != is_eks:
                allowed = "the ARN of a Secrets Manager secret" if is_eks else "the name of a Kubernetes Secret"
                sentence = f"{secret!r} is not allowed with cluster.kind {self.cluster.kind!r}. Allowed: {allowed}"
                raise errors.conflict(("monitoring", "receivers", index, "secret"), sentence)
        return self

    @model_validator(mode="after")
    def _pools_have_nodes_on_eks(self) -> Self:
        is_eks = isinstance(self.cluster, EksCluster)
        for index, pool in enumerate(self.pools):
            if is_eks and pool.nodes is None:
                raise errors.conflict(("pools", index), "the key nodes is missing; cluster.kind 'eks' needs it")
            if not is_eks and pool.nodes is not None:
                sentence = f"not allowed with cluster.kind {self.cluster.kind!r}. Allowed: with 'eks'"
                raise errors.conflict(("pools", index, "nodes"), sentence)
            if is_eks and pool.name == SYSTEM_POOL:
                sentence = f"{SYSTEM_POOL!r} is the name of cluster.system_nodes. Allowed: any other name"
                raise errors.conflict(("pools", index, "name"), sentence)
        return self

    @model_validator(mode="after")
    def _services_fit_their_pools(self) -> Self:
        for index, service in enumerate(self.services):
            pool = self.pool(service.pool)
            path = ("services", index)
            if pool.variant == "cuda-trt" and service.profile is None:
                sentence = f"the key profile is missing; pool {pool.name!r} runs cuda-trt, which builds engines for one"
                raise errors.conflict(path, sentence)
            if pool.variant != "cuda-trt" and service.profile is not None:
                sentence = f"not allowed: pool {pool.name!r} runs {pool.variant}. Allowed: with pools of cuda-trt"
                raise errors.conflict((*path, "profile"), sentence)
            if pool.nodes is None:
                continue
            instance = instance_types.find(pool.nodes.instance_type)
            if service.resources.gpus > instance.gpus:
                sentence = (
                    f"{service.resources.gpus} is more than an instance of pool {pool.name!r} has: {instance.name} "
                    f"has {instance.gpus}. Allowed: from 0 to {instance.gpus}"
                )
                raise errors.conflict((*path, "resources", "gpus"), sentence)
            if service.profile and instance.gpu and (misfit := service.profile.misfit(instance.gpu)):
                key, sentence = misfit
                raise errors.conflict((*path, "profile", *key), sentence)
        return self

    def pool(self, name: str) -> Pool:
        """The pool of that name; validation has made sure that it exists."""
        return next(pool for pool in self.pools if pool.name == name)

    def versions(self) -> Iterator[tuple[str, str]]:
        """Every (service, version) that a slot names, once each, in the order of the file."""
        for service in self.services:
            for version in service.versions():
                yield service.name, version
