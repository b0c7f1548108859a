"""Properties that replace a resource in some changes only; what always replaces is in replacing.toml.

Source: the `CustomizeDiff` functions of HashiCorp's AWS provider (internal/service/<service>/<type>.go).
"""

from collections.abc import Callable, Mapping, Sequence

from rehearsal.standin.values import Value, plain, unwrap

Inputs = Mapping[str, Value]


def replacing(token: str, old: Inputs, new: Inputs) -> Sequence[str]:
    """Return the properties whose change replaces the resource this time."""
    condition = _CONDITIONS.get(token)
    return condition(old, new) if condition else ()


def _cluster(old: Inputs, new: Inputs) -> Sequence[str]:
    """Secrets that are encrypted by a key stay so: taking the key away is not possible."""
    taken = old.get("encryptionConfig") is not None and new.get("encryptionConfig") is None
    return ("encryptionConfig",) if taken else ()


def _network(_: Inputs, new: Inputs) -> Sequence[str]:
    """A VPC can leave dedicated tenancy, and not enter it."""
    return () if unwrap(new.get("instanceTenancy")) == "default" else ("instanceTenancy",)


def _load_balancer(old: Inputs, new: Inputs) -> Sequence[str]:
    """A network load balancer keeps its subnets, and has security groups from the beginning or never."""
    if unwrap(new.get("loadBalancerType")) != "network":
        return ()
    names = [
        name
        for name in ("subnets", "subnetMappings")
        if any(item not in _items(new, name) for item in _items(old, name))
    ]
    if bool(_items(old, "securityGroups")) != bool(_items(new, "securityGroups")):
        names.append("securityGroups")
    return names


def _items(inputs: Inputs, name: str) -> list[Value]:
    value = plain(inputs.get(name))
    return value if isinstance(value, list) else []


_CONDITIONS: Mapping[str, Callable[[Inputs, Inputs], Sequence[str]]] = {
    "aws:ec2/vpc:Vpc": _network,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
}
