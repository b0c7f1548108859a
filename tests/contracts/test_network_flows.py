"""What may flow in prod, by the network policies that the program declares: what must pass does, and nothing else."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra import settings
from infra.settings import CanaryRelease, Slot
from tests.contracts.network_policies import End, Outside, Pod, Policy, passes
from tests.infra import one_service
from tests.infra.stacks import ROOT, declare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.infra.aws.recorder import Declared as DeclaredOnAws
    from tests.infra.recorder import Declared

NETWORK: Final = settings.read("prod", ROOT).aws.network  # pyright: ignore[reportOptionalMemberAccess]  # prod is on AWS
_IN_VPC: Final = ipaddress.ip_network(NETWORK.cidr)
_WORKLOADS: Final = ("Deployment", "DaemonSet", "Job", "StatefulSet")


def _address(index: int) -> str:
    return str(_IN_VPC[index])


# What is no pod of ours. The control plane has addresses in the VPC, and one among the Services'.
OUTSIDE: Final[dict[str, End]] = {
    "internet": Outside(address="203.0.113.7"),
    "node": Outside(address=_address(300)),
    "database": Outside(address=_address(301)),
    "API server": Outside(address=_address(302)),
    "API server's Service": Outside(address=str(ipaddress.ip_network(NETWORK.services_cidr)[1])),
    "instance metadata": Outside(address="169.254.169.254"),
    "pod identity agent": Outside(address="169.254.170.23"),
    # Of the ranges that S3 has in eu-central-1; AWS publishes them at ip-ranges.amazonaws.com.
    "S3": Outside(address="52.219.170.1"),
    "DNS": Pod(namespace="kube-system", labels={"k8s-app": "kube-dns"}, address=_address(303)),
    "its neighbour": Pod(namespace="inferstack-monitoring", labels={}, address=_address(304)),
    "Prometheus's namesake": Pod(
        namespace="default",
        labels={"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/part-of": "inferstack"},
        address=_address(305),
    ),
    "stranger": Pod(namespace="default", labels={}, address=_address(306)),
    "Envoy's namesake": Pod(
        namespace="default",
        labels={"app.kubernetes.io/name": "envoy", "app.kubernetes.io/part-of": "inferstack"},
        address=_address(307),
    ),
    "another service": Pod(
        namespace="inferstack", labels={"inferstack.dev/service": "toxicity"}, address=_address(308)
    ),
}


def _inputs(kind: str, declared: Sequence[Declared | DeclaredOnAws] = ()) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for each in declared or declare("prod"):
        if each.type.startswith("kubernetes:") and each.type.endswith(f":{kind}"):
            yield each.name, each.inputs


def _policies(declared: Sequence[Declared | DeclaredOnAws] = ()) -> list[Policy]:
    return [
        Policy(namespace=inputs["metadata"]["namespace"], spec=inputs["spec"])
        for _, inputs in _inputs("NetworkPolicy", declared)
    ]


def _pods(declared: Sequence[Declared | DeclaredOnAws] = ()) -> dict[str, End]:
    """A pod of each workload, by the workload's name."""
    workloads = [each for kind in _WORKLOADS for each in _inputs(kind, declared)]
    return {
        name: Pod(
            namespace=inputs["metadata"]["namespace"],
            labels=inputs["spec"]["template"]["metadata"]["labels"],
            address=_address(400 + index),
        )
        for index, (name, inputs) in enumerate(workloads)
    }


@pytest.fixture(scope="module")
def policies() -> list[Policy]:
    """All policies of prod."""
    return _policies()


@pytest.fixture(scope="module")
def ends() -> dict[str, End]:
    """A pod of each workload of prod, and what else may be at the end of a flow."""
    return {**OUTSIDE, **_pods()}


SLOT: Final = "sentiment-blue"
ENGINE_BUILD: Final = "sentiment-0-1-0-engine"
REQUIRED: Final = [
    # Requests, from the load balancer's targets to a prediction.
    ("node", "envoy", 8080),
    ("internet", "envoy", 8080),
    ("envoy", SLOT, 8080),
    ("envoy", "contour", 8001),
    # The Kubernetes API, for those who are made to use it.
    *(
        (caller, server, 443)
        for caller in ("contour", "contour-certgen", "cluster-autoscaler", "prometheus", "kube-state-metrics")
        for server in ("API server", "API server's Service")
    ),
    # AWS.
    *((pod, end, port) for pod in (SLOT, ENGINE_BUILD) for end, port in (("pod identity agent", 80), ("S3", 443))),
    (SLOT, "database", 5432),
    ("cluster-autoscaler", "pod identity agent", 80),
    ("cluster-autoscaler", "internet", 443),
    # Metrics and traces.
    *(
        ("prometheus", target, port)
        for target, port in (
            (SLOT, 8080),
            ("envoy", 8002),
            ("contour", 8000),
            ("dcgm-exporter", 9400),
            ("cluster-autoscaler", 8085),
            ("prometheus", 9090),
            ("alertmanager", 9093),
            ("collector", 8888),
            ("kube-state-metrics", 8080),
            ("node-exporter", 9100),
        )
    ),
    (SLOT, "collector", 4317),
    ("envoy", "collector", 4317),
    # Alerts, and who looks at what is measured.
    ("alertmanager", "internet", 443),
    ("alertmanager", "alertmanager", 9094),
    ("grafana", "prometheus", 9090),
]
FORBIDDEN: Final = [
    # A serving pod answers; it asks nobody but those above.
    (SLOT, "internet", 80),
    (SLOT, "internet", 22),
    (SLOT, "API server", 443),
    (SLOT, "API server's Service", 443),
    (SLOT, "API server", 6443),
    (SLOT, "instance metadata", 80),
    (SLOT, "another service", 8080),
    (SLOT, "contour", 8001),
    (SLOT, "envoy", 8080),
    (SLOT, "stranger", 8080),
    (SLOT, "internet", 5432),
    (SLOT, "collector", 9090),
    # Nobody reaches it but by the gateway.
    ("internet", SLOT, 8080),
    ("node", SLOT, 8080),
    ("stranger", SLOT, 8080),
    ("Envoy's namesake", SLOT, 8080),
    ("another service", SLOT, 8080),
    ("contour", SLOT, 8080),
    ("prometheus", SLOT, 22),
    ("Prometheus's namesake", SLOT, 8080),
    ("its neighbour", SLOT, 8080),
    ("envoy", SLOT, 22),
    # Envoy meets the world: it gets no further than the services.
    ("envoy", "internet", 443),
    ("envoy", "API server", 443),
    ("envoy", "pod identity agent", 80),
    ("envoy", "database", 5432),
    ("stranger", "envoy", 8002),
    ("internet", "envoy", 8002),
    ("stranger", "contour", 8001),
    ("contour", "internet", 80),
    ("contour", "pod identity agent", 80),
    ("contour-certgen", "internet", 80),
    ("stranger", "contour-certgen", 8080),
    # The autoscaler has a role in AWS and rights in the cluster: nobody speaks to it.
    ("stranger", "cluster-autoscaler", 8085),
    ("cluster-autoscaler", SLOT, 8080),
    ("cluster-autoscaler", "database", 5432),
    # The agents are root on their node: nothing goes out, and nothing but Prometheus comes in.
    *(
        (agent, end, port)
        for agent in ("nvidia-device-plugin", "dcgm-exporter")
        for end, port in (("internet", 443), ("API server", 443), ("pod identity agent", 80), (SLOT, 8080))
    ),
    ("stranger", "dcgm-exporter", 9400),
    ("prometheus", "nvidia-device-plugin", 9400),
    # Prometheus reads, and knows of everything: it sends nothing out, and nobody asks it but those who show it.
    *(("prometheus", end, port) for end, port in (("internet", 80), ("database", 5432), ("pod identity agent", 80))),
    *((end, "prometheus", 9090) for end in ("stranger", "its neighbour", "alertmanager", "collector", SLOT, "envoy")),
    # Alertmanager holds URLs that are as good as passwords, and goes to whom they name: to nothing in the VPC.
    *((end, "alertmanager", 9093) for end in ("stranger", "its neighbour", "grafana", SLOT, "envoy")),
    ("its neighbour", "alertmanager", 9094),
    *(
        ("alertmanager", end, port)
        for end, port in (
            ("internet", 80),
            ("API server", 443),
            ("API server's Service", 443),
            ("database", 5432),
            ("node", 443),
            ("instance metadata", 80),
            ("pod identity agent", 80),
            (SLOT, 8080),
        )
    ),
    # Grafana shows Prometheus alone, to those who come by the API server.
    *((end, "grafana", 3000) for end in ("stranger", "envoy", "internet", "prometheus")),
    *(("grafana", end, 443) for end in ("internet", "API server", "API server's Service")),
    ("grafana", "alertmanager", 9093),
    # The collector takes spans, and keeps them here; the exporters answer Prometheus.
    *((end, "collector", 4317) for end in ("stranger", "its neighbour", "contour", "prometheus")),
    *(("collector", end, port) for end, port in (("internet", 443), ("internet", 4317), ("API server", 443))),
    *(("stranger", end, port) for end, port in (("kube-state-metrics", 8080), ("node-exporter", 9100))),
    *(("its neighbour", end, port) for end, port in (("kube-state-metrics", 8080), ("node-exporter", 9100))),
    ("kube-state-metrics", "internet", 80),
    *(("node-exporter", end, 443) for end in ("internet", "API server")),
]


@pytest.mark.parametrize(("source", "target", "port"), REQUIRED, ids=str)
def test_what_is_needed_passes(
    source: str, target: str, port: int, policies: list[Policy], ends: dict[str, End]
) -> None:
    """Without these flows prod does not work."""
    assert passes(policies, ends[source], ends[target], port)


@pytest.mark.parametrize(("source", "target", "port"), FORBIDDEN, ids=str)
def test_what_nobody_needs_does_not(
    source: str, target: str, port: int, policies: list[Policy], ends: dict[str, End]
) -> None:
    """These flows are what an intruder would try next."""
    assert not passes(policies, ends[source], ends[target], port)


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_every_pod_has_dns(protocol: str, policies: list[Policy], ends: dict[str, End]) -> None:
    """Names are looked up by all pods that the program declares."""
    assert [name for name in _pods() if not passes(policies, ends[name], ends["DNS"], 53, protocol)] == []


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_two_alertmanagers_gossip(protocol: str, policies: list[Policy], ends: dict[str, End]) -> None:
    """They tell each other what they have told whom, by both protocols."""
    assert passes(policies, ends["alertmanager"], ends["alertmanager"], 9094, protocol)


def test_every_pod_is_closed(policies: list[Policy], ends: dict[str, End]) -> None:
    """No workload is forgotten: a stranger reaches none of them at a port that no policy names."""
    assert len(_pods()) > 5
    assert [name for name in _pods() if passes(policies, ends["stranger"], ends[name], 12345)] == []
    assert [name for name in _pods() if passes(policies, ends[name], ends["stranger"], 12345)] == []


def test_flows_name_what_is_declared(ends: dict[str, End]) -> None:
    """Every workload of prod is in a flow that is required or forbidden, so that a new one is thought about."""
    named = {end for flow in (*REQUIRED, *FORBIDDEN) for end in flow[:2]}
    assert set(_pods()) <= named
    assert named <= set(ends)


def _broken(policies: list[Policy], ends: dict[str, End]) -> list[tuple[str, str, int]]:
    """The flows that are not as the lists say."""
    looked_up = [(name, "DNS", 53) for name in _pods()]
    required = [flow for flow in (*REQUIRED, *looked_up) if not _passes(policies, flow, ends)]
    return [*required, *(flow for flow in FORBIDDEN if _passes(policies, flow, ends))]


def _passes(policies: list[Policy], flow: tuple[str, str, int], ends: dict[str, End]) -> bool:
    source, target, port = flow
    return passes(policies, ends[source], ends[target], port)


def test_every_policy_is_needed(policies: list[Policy], ends: dict[str, End]) -> None:
    """Without any one of them a flow is not as it must be. Those that deny everything are for pods yet to come."""
    idle = [
        name
        for index, (name, _) in enumerate(_inputs("NetworkPolicy"))
        if {"ingress", "egress"} & policies[index].spec.keys()
        and not _broken([*policies[:index], *policies[index + 1 :]], ends)
    ]
    assert idle == []


@pytest.mark.parametrize(("direction", "key"), [("Ingress", "ingress"), ("Egress", "egress")])
def test_every_policy_is_tight(direction: str, key: str, policies: list[Policy], ends: dict[str, End]) -> None:
    """Were any one of them to allow everything, a forbidden flow would pass: the lists would tell."""
    loose = [
        name
        for policy, (name, _) in zip(policies, _inputs("NetworkPolicy"), strict=True)
        if direction in policy.directions() and not _broken([*policies, _open(policy, direction, key)], ends)
    ]
    assert loose == []


def _open(policy: Policy, direction: str, key: str) -> Policy:
    everything: list[dict[str, Any]] = [{}]
    spec = {"podSelector": policy.spec.get("podSelector"), "policyTypes": [direction], key: everything}
    return Policy(namespace=policy.namespace, spec=spec)


SHADOW: Final = "sentiment-shadow"
CANARY: Final = CanaryRelease(
    strategy="canary",
    mirror=10,
    stable=Slot(version="0.1.0", replicas=1, weight=95),
    candidate=Slot(version="0.2.0", replicas=1, weight=5),
)


def test_mirrored_requests_are_compared_and_go_no_further() -> None:
    """The gateway reaches the shadow, the shadow its service's slots; it reaches nothing else, and nobody asks it."""
    declared = one_service.declare(CANARY)
    policies, ends = _policies(declared), {**OUTSIDE, **_pods(declared)}
    prometheus = Pod(
        namespace="inferstack-monitoring",
        labels={"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/part-of": "inferstack"},
        address=_address(309),
    )

    def flows(source: End, target: End, port: int = 8080) -> bool:
        return passes(policies, source, target, port)

    shadow, envoy = ends[SHADOW], ends["envoy"]
    slots = [ends[f"sentiment-{slot}"] for slot in ("stable", "candidate", "baseline")]
    assert all(flows(envoy, end) and flows(prometheus, end) for end in (shadow, *slots))
    assert all(flows(shadow, slot) for slot in slots)
    assert not any(flows(slot, end) for slot in slots for end in (shadow, *slots))
    assert not any(flows(shadow, slot, 22) for slot in slots)
    others = [end for name, end in ends.items() if end not in slots and name not in {SHADOW, "DNS"}]
    assert not any(flows(shadow, other, port) for other in others for port in (80, 443, 5432, 8080))
    assert not any(flows(other, shadow) for other in others if other is not envoy)
    assert flows(shadow, ends["DNS"], 53)
