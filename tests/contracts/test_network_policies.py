"""The evaluator of network policies keeps what Kubernetes says of them."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.network_policies import Outside, Pod, Policy, passes

NAMESPACES = ("blue", "red")
LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"))
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.1.1", "192.0.2.1"])
PODS = st.builds(Pod, namespace=st.sampled_from(NAMESPACES), labels=LABELS, address=ADDRESSES)
ENDS = PODS | st.builds(Outside, address=ADDRESSES)
PORTS = st.sampled_from([53, 80, 443])
PROTOCOLS = st.sampled_from(["TCP", "UDP"])
SELECTORS = st.fixed_dictionaries({}, optional={"matchLabels": LABELS})
PEERS = st.one_of(
    st.fixed_dictionaries({"podSelector": SELECTORS}),
    st.fixed_dictionaries({"namespaceSelector": st.just({"matchLabels": {"kubernetes.io/metadata.name": "red"}})}),
    st.fixed_dictionaries({"ipBlock": st.just({"cidr": "10.0.0.0/16", "except": ["10.0.1.0/24"]})}),
)
PORT_RULES = st.fixed_dictionaries({}, optional={"port": PORTS, "protocol": PROTOCOLS})


def _rules(peers: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    optional = {peers: st.lists(PEERS, max_size=2), "ports": st.lists(PORT_RULES, max_size=2)}
    return st.lists(st.fixed_dictionaries({}, optional=optional), max_size=2)


POLICIES = st.builds(
    Policy,
    namespace=st.sampled_from(NAMESPACES),
    spec=st.fixed_dictionaries(
        {"podSelector": SELECTORS},
        optional={
            "policyTypes": st.lists(st.sampled_from(["Ingress", "Egress"]), unique=True),
            "ingress": _rules("from"),
            "egress": _rules("to"),
        },
    ),
)
FLOWS = st.tuples(ENDS, ENDS, PORTS, PROTOCOLS)
Spec = dict[str, Any]
DENY_ALL: Spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@given(FLOWS)
def test_without_policies_everything_passes(flow: tuple[Any, ...]) -> None:
    """A cluster is open until somebody closes it."""
    assert passes([], *flow)


@given(st.lists(POLICIES, max_size=4), FLOWS, st.randoms(use_true_random=False))
def test_order_and_repetition_mean_nothing(policies: list[Policy], flow: tuple[Any, ...], random: Any) -> None:  # noqa: ANN401
    """Policies add up; none comes before another."""
    shuffled = policies * 2
    random.shuffle(shuffled)
    assert passes(policies, *flow) == passes(shuffled, *flow)


@given(st.lists(POLICIES, max_size=3), POLICIES, FLOWS)
def test_another_policy_takes_nothing_from_a_closed_pod(
    policies: list[Policy], another: Policy, flow: tuple[Any, ...]
) -> None:
    """Where both namespaces deny by default, a further policy can only open."""
    closed = [*(Policy(namespace=name, spec=DENY_ALL) for name in NAMESPACES), *policies]
    assert passes([*closed, another], *flow) >= passes(closed, *flow)


@given(FLOWS)
def test_what_is_denied_by_default_does_not_pass(flow: tuple[Any, ...]) -> None:
    """Nothing from or to a pod passes where its namespace denies all; what has no pod is not the cluster's business."""
    source, target, *_ = flow
    closed = [Policy(namespace=name, spec=DENY_ALL) for name in NAMESPACES]
    assert passes(closed, *flow) is not any(isinstance(end, Pod) for end in (source, target))


@given(st.lists(POLICIES, max_size=4), FLOWS)
def test_both_ends_must_agree(policies: list[Policy], flow: tuple[Any, ...]) -> None:
    """A flow passes exactly if it would with the policies of egress alone, and with those of ingress alone."""

    def only(kept: str) -> list[Policy]:
        return [
            Policy(namespace=policy.namespace, spec={**policy.spec, "policyTypes": [kept]})
            for policy in policies
            if kept in policy.directions()
        ]

    assert passes(policies, *flow) == (passes(only("Egress"), *flow) and passes(only("Ingress"), *flow))


@given(FLOWS)
def test_an_empty_rule_opens(flow: tuple[Any, ...]) -> None:
    """A rule that names neither peers nor ports is about all of them."""
    opened = [Policy(namespace=name, spec={**DENY_ALL, "ingress": [{}], "egress": [{}]}) for name in NAMESPACES]
    assert passes(opened, *flow)


@given(st.ip_addresses(v=4))
def test_a_range_less_its_holes(address: ipaddress.IPv4Address) -> None:
    """An address passes if it is in the range and in none of the exceptions."""
    rule = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "172.16.0.0/12"]}}]}
    policy = Policy(namespace="blue", spec={"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]})
    holes = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("172.16.0.0/12"))
    pod = Pod(namespace="blue", address="10.0.0.1")
    assert passes([policy], pod, Outside(address=str(address)), 443) is not any(address in hole for hole in holes)


# What a policy says, and whether it leaves the pods of its namespace open, in and out.
ABOUT: list[tuple[Spec, bool, bool]] = [
    ({"podSelector": {}}, False, True),
    ({"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]}, False, False),
    ({"podSelector": {}, "policyTypes": ["Egress"], "ingress": [{}]}, True, False),
    ({"podSelector": {"matchLabels": {"a": "1"}}}, True, True),
]


@pytest.mark.parametrize(("spec", "open_in", "open_out"), ABOUT)
def test_what_a_policy_is_about(spec: Spec, *, open_in: bool, open_out: bool) -> None:
    """Types that are left out follow from the rules; a policy closes only pods that it selects, in those directions."""
    pod, world = Pod(namespace="blue", address="10.0.0.1"), Outside(address="192.0.2.1")
    policies = [Policy(namespace="blue", spec=spec)]
    assert passes(policies, world, pod, 80) is open_in
    assert passes(policies, pod, world, 80) is open_out


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ({"podSelector": {"matchLabels": {"a": "1"}}}, {"blue/1"}),
        ({"namespaceSelector": {}}, {"blue/1", "blue/2", "red/1"}),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "1"}}}, {"blue/1", "red/1"}),
        ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}}, {"blue/2"}),
        ({"podSelector": {"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}}, {"blue/1", "blue/2"}),
    ],
)
def test_whom_a_peer_means(peer: dict[str, Any], expected: set[str]) -> None:
    """A pod selector alone is about the policy's own namespace; beside a namespace selector both must match."""
    spec: Spec = {"podSelector": {}, "ingress": [{"from": [peer]}]}
    target = Pod(namespace="blue", address="10.0.0.9")
    others = [
        Pod(namespace=space, labels={"a": a}, address="10.0.0.1")
        for space, a in (("blue", "1"), ("blue", "2"), ("red", "1"))
    ]
    found = {
        f"{pod.namespace}/{pod.labels['a']}"
        for pod in others
        if passes([Policy(namespace="blue", spec=spec)], pod, target, 80)
    }
    assert found == expected


def test_ranges_of_ports() -> None:
    """`endPort` makes a range of its port."""
    rule = {"ports": [{"port": 8000, "endPort": 8002, "protocol": "TCP"}]}
    policy = Policy(namespace="blue", spec={"podSelector": {}, "ingress": [rule]})
    pod, world = Pod(namespace="blue", address="10.0.0.1"), Outside(address="192.0.2.1")
    assert [port for port in range(7999, 8004) if passes([policy], world, pod, port)] == [8000, 8001, 8002]
    assert not passes([policy], world, pod, 8000, "UDP")
