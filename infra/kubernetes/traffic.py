"""Who may talk to whom: the rules that network policies of several components are made of.

Namespaces start closed (:mod:`infra.kubernetes.namespace`): what no policy allows does not pass. A test evaluates all
policies of prod on required and forbidden flows, since nothing on a machine without a cloud enforces them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes.meta.v1 import LabelSelectorArgs
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicy,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from infra import naming
from infra.kubernetes.scope import pods_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from infra.kubernetes.scope import Scope

ANYWHERE = "0.0.0.0/0"
# The agent that gives pods the credentials of their role, the same on every EKS node.
# Source: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
POD_IDENTITY_AGENT = "169.254.170.23/32"
OTLP_PORT = 4317


def ports(*numbers: int) -> list[NetworkPolicyPortArgs]:
    """TCP ports of the pods that are talked to, not of the Services before them."""
    return [NetworkPolicyPortArgs(port=number) for number in numbers]


def pods(labels: LabelSelectorArgs, *, namespace: str) -> NetworkPolicyPeerArgs:
    """Pods with those labels in a namespace."""
    return NetworkPolicyPeerArgs(namespace_selector=_named(namespace), pod_selector=labels)


def all_pods(namespace: str) -> NetworkPolicyPeerArgs:
    """All pods of a namespace."""
    return NetworkPolicyPeerArgs(namespace_selector=_named(namespace))


def addresses(cidr: pulumi.Input[str], *, but: Sequence[pulumi.Input[str]] = ()) -> NetworkPolicyPeerArgs:
    """A range of addresses, less ranges within it."""
    return NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=cidr, except_=list(but) or None))


def from_prometheus(*metrics_ports: int) -> NetworkPolicyIngressRuleArgs:
    """Metrics are read by Prometheus."""
    prometheus = pods(pods_of("prometheus"), namespace=naming.MONITORING_NAMESPACE)
    return NetworkPolicyIngressRuleArgs(from_=[prometheus], ports=ports(*metrics_ports))


def to_collector() -> NetworkPolicyEgressRuleArgs:
    """Spans go to the collector."""
    collector = pods(pods_of("collector"), namespace=naming.MONITORING_NAMESPACE)
    return NetworkPolicyEgressRuleArgs(to=[collector], ports=ports(OTLP_PORT))


def to_api_server() -> NetworkPolicyEgressRuleArgs:
    """The Kubernetes API, at the Service's port and the one that API servers listen on by custom.

    Its addresses are the control plane's own, which no selector matches. The embedded cluster's port is another, and
    nothing there enforces policies.
    """
    return NetworkPolicyEgressRuleArgs(ports=ports(443, 6443))


def to_pod_identity() -> NetworkPolicyEgressRuleArgs:
    """Credentials of the pod's role in AWS."""
    return NetworkPolicyEgressRuleArgs(to=[addresses(POD_IDENTITY_AGENT)], ports=ports(80))


def allow(
    scope: Scope,
    name: str,
    selected: LabelSelectorArgs,
    *,
    ingress: Sequence[NetworkPolicyIngressRuleArgs] | None = None,
    egress: Sequence[NetworkPolicyEgressRuleArgs] | None = None,
) -> NetworkPolicy:
    """Declare what selected pods of a namespace may take in and send out, beside what other policies allow them.

    Args:
        scope: of the component.
        name: the component, or what is allowed.
        selected: the pods.
        ingress: what may reach them; None: this policy is not about it.
        egress: what they may reach, likewise.
    """
    directions = [direction for direction, rules in (("Ingress", ingress), ("Egress", egress)) if rules is not None]
    return NetworkPolicy(
        f"{name}-traffic",
        metadata=scope.metadata(name),
        spec=NetworkPolicySpecArgs(
            pod_selector=selected,
            policy_types=directions,
            ingress=None if ingress is None else list(ingress),
            egress=None if egress is None else list(egress),
        ),
        opts=scope.child(),
    )


def _named(namespace: str) -> LabelSelectorArgs:
    return LabelSelectorArgs(match_labels={"kubernetes.io/metadata.name": namespace})
