"""What the cluster's own clients may do, beyond the roles that Kubernetes brings."""

from collections.abc import Collection

from local.api import Api, Json
from local.paths import NAME

KWOK = "inferstack:kwok"
_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "update", "patch", "delete"]


def _rule(groups: list[str], resources: list[str], verbs: list[str], names: list[str] | None = None) -> Json:
    rule: Json = {"apiGroups": groups, "resources": resources, "verbs": verbs}
    return {**rule, "resourceNames": names} if names else rule


_RULES: dict[str, list[Json]] = {
    "inferstack:coredns": [
        _rule([""], ["services", "pods", "namespaces"], ["list", "watch"]),
        _rule(["discovery.k8s.io"], ["endpointslices"], ["list", "watch"]),
    ],
    KWOK: [
        _rule([""], ["nodes"], _READ),
        _rule([""], ["nodes/status", "pods/status"], ["patch", "update"]),
        _rule([""], ["pods"], ["delete", "get", "list", "patch", "update", "watch"]),
        _rule(["", "events.k8s.io"], ["events"], _WRITE),
        _rule(["coordination.k8s.io"], ["leases"], _WRITE),
    ],
    "inferstack:node-gpus": [
        _rule([""], ["nodes"], _READ, [NAME]),
        _rule([""], ["nodes/status"], ["patch"], [NAME]),
    ],
}
# Users and roles: ours above, and the API server itself, which reads logs from the kubelet.
_BINDINGS = {
    **{user: user for user in _RULES},
    "kube-apiserver-kubelet-client": "system:kubelet-api-admin",
}


def grant(api: Api, users: Collection[str] = tuple(_BINDINGS)) -> None:
    """Apply the roles and bindings of these users; those that are there already stay."""
    rbac = "rbac.authorization.k8s.io"
    for name, rules in _RULES.items():
        if name not in users:
            continue
        role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "rules": rules}
        api.apply(f"/apis/{rbac}/v1/clusterroles/{name}", role)
    for user, role in _BINDINGS.items():
        if user not in users:
            continue
        name = user if user.startswith("inferstack:") else f"inferstack:{user}"
        binding = {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": user}],
        }
        api.apply(f"/apis/{rbac}/v1/clusterrolebindings/{name}", binding)
