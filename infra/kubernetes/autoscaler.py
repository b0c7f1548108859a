"""The cluster autoscaler: it adds nodes to a pool while pods wait for them, and takes away those that idle.

Source: https://github.com/kubernetes/autoscaler/tree/cluster-autoscaler-release-1.35/cluster-autoscaler/cloudprovider/aws
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs

from infra import naming
from infra.capacity import Demand
from infra.kubernetes import access, autoscaler_roles, traffic
from infra.kubernetes.namespace import ClosedNamespace, ClosedNamespaceArgs
from infra.kubernetes.pods import container_security_context, pod_security_context, small_resources, spread
from infra.kubernetes.scope import Scope, pods_of

# The service account too, which has a role in AWS by pod identity.
NAME = "cluster-autoscaler"
METRICS_PORT = 8085
# One works, the other takes over within seconds when a node goes, which is when nodes are wanted most.
_REPLICAS = 2


@dataclass(frozen=True, kw_only=True)
class AutoscalerArgs:
    """What the autoscaler is made from.

    Attributes:
        environment: the stack.
        image: digest reference, of the same minor version as the cluster.
        cluster: name of the EKS cluster, by which it finds the scaling groups.
        region: of the cluster.
        pool: name of the pool whose nodes it runs on: not one that it may empty.
    """

    environment: str
    image: pulumi.Input[str]
    cluster: pulumi.Input[str]
    region: str
    pool: str


class Autoscaler(pulumi.ComponentResource):
    """The autoscaler in the system namespace, with its rights.

    Attributes:
        namespace: the system namespace's name.
    """

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: AutoscalerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:Autoscaler", name, None, opts)
        self._args = args
        namespace = ClosedNamespace(
            naming.SYSTEM_NAMESPACE,
            ClosedNamespaceArgs(
                environment=args.environment,
                demand=Demand(pods=1, cpu_millis=100, memory_mib=600) * (_REPLICAS + 1),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.namespace = namespace.name
        scope = Scope(environment=args.environment, namespace=namespace.name, parent=self)
        account = access.account(scope, NAME)
        granted = (
            access.grant(scope, account, NAME, autoscaler_roles.IN_ITS_NAMESPACE),
            access.grant_everywhere(scope, account, NAME, autoscaler_roles.EVERYWHERE),
        )
        allowed = traffic.allow(
            scope,
            NAME,
            pods_of(NAME),
            ingress=[traffic.from_prometheus(METRICS_PORT)],
            # AWS's APIs are at addresses of the VPC's endpoints or outside of it, as the API server's may be.
            egress=[traffic.to_api_server(), traffic.to_pod_identity()],
        )
        Deployment(
            NAME,
            metadata=scope.metadata(NAME),
            spec=DeploymentSpecArgs(
                replicas=_REPLICAS,
                selector=pods_of(NAME),
                template=PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(labels=scope.labels(NAME)),
                    spec=PodSpecArgs(
                        service_account_name=account.metadata.name,
                        automount_service_account_token=True,
                        enable_service_links=False,
                        priority_class_name="system-cluster-critical",
                        node_selector=naming.node_labels(args.pool),
                        topology_spread_constraints=spread(pods_of(NAME)),
                        security_context=pod_security_context(),
                        containers=[self._container(scope)],
                    ),
                ),
            ),
            opts=scope.child(after=[*granted, allowed]),
        )
        PodDisruptionBudget(
            NAME,
            metadata=scope.metadata(NAME),
            spec=PodDisruptionBudgetSpecArgs(max_unavailable=1, selector=pods_of(NAME)),
            opts=scope.child(),
        )
        self.register_outputs({})

    def _container(self, scope: Scope) -> ContainerArgs:
        health = HTTPGetActionArgs(path="/health-check", port="metrics")
        groups = pulumi.Output.concat(
            "asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/", self._args.cluster
        )
        return ContainerArgs(
            name="autoscaler",
            image=self._args.image,
            command=["./cluster-autoscaler"],
            args=[
                "--cloud-provider=aws",
                pulumi.Output.concat("--node-group-auto-discovery=", groups),
                pulumi.Output.concat("--namespace=", scope.namespace),
                # Zones of one pool grow alike; among pools that fit, the one that leaves least unused.
                "--balance-similar-node-groups=true",
                "--expander=least-waste",
                # A GPU node costs by the hour and comes back in minutes: ten minutes without use are enough, but a
                # node that has just come is not taken for idle while its pods pull gigabytes.
                "--scale-down-unneeded-time=10m",
                "--scale-down-delay-after-add=10m",
                # Serving pods have scratch space on the node, which nobody misses.
                "--skip-nodes-with-local-storage=false",
                "--skip-nodes-with-system-pods=true",
                # A node whose pods never come up is given back after this; large images and drivers take a while.
                "--max-node-provision-time=20m",
                # Written into a config map of its own namespace; see the rights.
                "--status-config-map-name=cluster-autoscaler-status",
                "--leader-elect-resource-name=cluster-autoscaler",
                "--v=2",
            ],
            env=[EnvVarArgs(name="AWS_REGION", value=self._args.region)],
            ports=[ContainerPortArgs(name="metrics", container_port=METRICS_PORT)],
            startup_probe=ProbeArgs(http_get=health, period_seconds=2, failure_threshold=60),
            readiness_probe=ProbeArgs(http_get=health, period_seconds=10),
            liveness_probe=ProbeArgs(http_get=health, period_seconds=30),
            resources=small_resources(cpu="100m", memory="600Mi", memory_limit="600Mi"),
            security_context=container_security_context(),
        )
