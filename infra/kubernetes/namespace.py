"""A namespace that starts closed: quota, default limits, no traffic but DNS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
from pulumi_kubernetes.core.v1 import (
    LimitRange,
    LimitRangeItemArgs,
    LimitRangeSpecArgs,
    Namespace,
    ResourceQuota,
    ResourceQuotaSpecArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from infra import naming

if TYPE_CHECKING:
    from infra.capacity import Demand


@dataclass(frozen=True, kw_only=True)
class ClosedNamespaceArgs:
    """What a namespace is made from.

    Attributes:
        environment: the stack.
        demand: what all pods of the namespace may ask for together.
        pod_security: the Pod Security Standard that the API server holds its pods to.
    """

    environment: str
    demand: Demand
    pod_security: Literal["restricted", "privileged"] = "restricted"


class ClosedNamespace(pulumi.ComponentResource):
    """A namespace with its quota, limits and default-deny network policy.

    Attributes:
        name: the namespace's name, known once it can take pods.
    """

    name: pulumi.Output[str]

    def __init__(self, name: str, args: ClosedNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:ClosedNamespace", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        labels = naming.labels(name, args.environment)
        namespace = Namespace(
            name,
            metadata=ObjectMetaArgs(
                name=name,
                labels={**labels, "pod-security.kubernetes.io/enforce": args.pod_security},
            ),
            opts=child,
        )
        in_namespace = pulumi.ResourceOptions(parent=self, depends_on=[namespace])

        def metadata(policy: str) -> ObjectMetaArgs:
            return ObjectMetaArgs(name=policy, namespace=name, labels=labels)

        quota = ResourceQuota(
            f"{name}-quota",
            metadata=metadata("quota"),
            spec=ResourceQuotaSpecArgs(
                hard={
                    "requests.cpu": f"{args.demand.cpu_millis}m",
                    "requests.memory": f"{args.demand.memory_mib}Mi",
                    f"requests.{naming.GPU_RESOURCE}": str(args.demand.gpus),
                    "pods": str(args.demand.pods),
                }
            ),
            opts=in_namespace,
        )
        limits = LimitRange(
            f"{name}-limits",
            metadata=metadata("limits"),
            spec=LimitRangeSpecArgs(
                limits=[
                    LimitRangeItemArgs(
                        type="Container",
                        default={"cpu": "500m", "memory": "256Mi"},
                        default_request={"cpu": "50m", "memory": "64Mi"},
                    )
                ]
            ),
            opts=in_namespace,
        )
        everything = LabelSelectorArgs(match_labels={})
        NetworkPolicy(
            f"{name}-default-deny",
            metadata=metadata("default-deny"),
            spec=NetworkPolicySpecArgs(pod_selector=everything, policy_types=["Ingress", "Egress"]),
            opts=in_namespace,
        )
        NetworkPolicy(
            f"{name}-dns",
            metadata=metadata("dns"),
            spec=NetworkPolicySpecArgs(
                pod_selector=everything,
                policy_types=["Egress"],
                egress=[
                    NetworkPolicyEgressRuleArgs(
                        ports=[NetworkPolicyPortArgs(port=53, protocol=protocol) for protocol in ("UDP", "TCP")]
                    )
                ],
            ),
            opts=in_namespace,
        )
        # Pods that come before the quota and the limits would be neither counted nor limited.
        # Names, unlike ids, are known in a preview.
        bounded = pulumi.Output.all(namespace.metadata.name, quota.metadata.name, limits.metadata.name)
        self.name = bounded.apply(lambda known: known[0])
        self.register_outputs({"name": self.name})
