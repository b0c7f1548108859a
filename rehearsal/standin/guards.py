"""What AWS refuses to delete."""

from collections.abc import Callable, Mapping

from rehearsal.standin.values import Value, unwrap

Properties = Mapping[str, Value]


def _database(properties: Properties) -> str:
    if unwrap(properties.get("deletionProtection")) is True:
        return "deletionProtection is on; an update must turn it off first"
    if unwrap(properties.get("skipFinalSnapshot")) is not True and not properties.get("finalSnapshotIdentifier"):
        return "finalSnapshotIdentifier is required when skipFinalSnapshot is false"
    return ""


def _cluster(properties: Properties) -> str:
    on = unwrap(properties.get("deletionProtection")) is True
    return "deletionProtection is on; an update must turn it off first" if on else ""


def _balancer(properties: Properties) -> str:
    on = unwrap(properties.get("enableDeletionProtection")) is True
    return "enableDeletionProtection is on; an update must turn it off first" if on else ""


_GUARDS: Mapping[str, Callable[[Properties], str]] = {
    "aws:rds/instance:Instance": _database,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:lb/loadBalancer:LoadBalancer": _balancer,
}


def refusal(token: str, properties: Properties) -> str:
    """Return why AWS would not delete a resource with these properties; empty where it would."""
    guard = _GUARDS.get(token)
    return guard(properties) if guard else ""
