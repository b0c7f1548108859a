"""What network policies let pass: their semantics as a pure function, for clusters in which nothing enforces them.

Source: https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/. A flow passes if the
policies of its source let it out and those of its target let it in. A pod that no policy of a direction selects is open
in that direction; one that some select may do what any of them allows.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["Ingress", "Egress"]
Spec = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod, as policies see it.

    Attributes:
        namespace: its name; every namespace has the label ``kubernetes.io/metadata.name``.
        labels: the pod's.
        address: which a policy's range may match too, as on EKS, where pods have addresses of the VPC.
    """

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    address: str


@dataclass(frozen=True, kw_only=True)
class Outside:
    """An end that is no pod of the cluster.

    Attributes:
        address: its.
    """

    address: str


End = Pod | Outside


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A NetworkPolicy.

    Attributes:
        namespace: where it is.
        spec: as Kubernetes writes it.
    """

    namespace: str
    spec: Spec

    def directions(self) -> set[str]:
        """What it is about; left out, that is Ingress, and Egress where it has rules for it."""
        named: list[str] = self.spec.get("policyTypes") or []
        return set(named) or {"Ingress", *(["Egress"] if self.spec.get("egress") else [])}

    def selects(self, pod: Pod, direction: Direction) -> bool:
        """Whether it is about that pod."""
        return (
            direction in self.directions()
            and self.namespace == pod.namespace
            and selector_matches(self.spec.get("podSelector") or {}, pod.labels)
        )

    def allows(self, other: End, port: int, protocol: str, direction: Direction) -> bool:
        """Whether one of its rules lets pass what comes from, or goes to, that end."""
        key, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
        rules: list[Spec] = self.spec.get(key) or []
        return any(
            self._matches_peer(rule.get(peers), other) and _matches_port(rule.get("ports"), port, protocol)
            for rule in rules
        )

    def _matches_peer(self, peers: list[Spec] | None, other: End) -> bool:
        return not peers or any(self._is_peer(peer, other) for peer in peers)

    def _is_peer(self, peer: Spec, other: End) -> bool:
        block: Spec | None = peer.get("ipBlock")
        if block:
            holes: list[str] = block.get("except") or []
            return _within(other.address, block["cidr"]) and not any(_within(other.address, hole) for hole in holes)
        if not isinstance(other, Pod):
            return False
        spaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
        of_namespace = (
            other.namespace == self.namespace
            if spaces is None
            else selector_matches(spaces, {"kubernetes.io/metadata.name": other.namespace})
        )
        return of_namespace and selector_matches(pods or {}, other.labels)


def passes(policies: Iterable[Policy], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection from one end to a port of the other is let pass."""
    known = list(policies)
    return _open(known, source, target, (port, protocol), "Egress") and _open(
        known, target, source, (port, protocol), "Ingress"
    )


def _open(policies: list[Policy], own: End, other: End, port: tuple[int, str], direction: Direction) -> bool:
    if not isinstance(own, Pod):
        return True
    selecting = [policy for policy in policies if policy.selects(own, direction)]
    return not selecting or any(policy.allows(other, *port, direction) for policy in selecting)


def selector_matches(selector: Spec, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; an empty one matches everything."""
    pairs: Mapping[str, str] = selector.get("matchLabels") or {}
    expressions: list[Spec] = selector.get("matchExpressions") or []
    return all(labels.get(key) == value for key, value in pairs.items()) and all(
        _expression_holds(expression, labels) for expression in expressions
    )


def _expression_holds(expression: Spec, labels: Mapping[str, str]) -> bool:
    key: str = expression["key"]
    match expression["operator"]:
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "In":
            return labels.get(key) in expression["values"]
        case "NotIn":
            return labels.get(key) not in expression["values"]
        case operator:
            raise ValueError(f"no selector has the operator {operator!r}")


def _matches_port(ports: list[Spec] | None, port: int, protocol: str) -> bool:
    return not ports or any(
        each.get("protocol", "TCP") == protocol
        and ("port" not in each or int(each["port"]) <= port <= int(each.get("endPort", each["port"])))
        for each in ports
    )


def _within(address: str, cidr: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
