"""Service accounts, and what they may do with the Kubernetes API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes.core.v1 import ServiceAccount
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRuleArgs,
    Role,
    RoleBinding,
    RoleRefArgs,
    SubjectArgs,
)

from infra import naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pulumi

    from infra.kubernetes.scope import Scope

READ = ("get", "list", "watch")
_RBAC = "rbac.authorization.k8s.io"


def may(
    verbs: Iterable[str], resources: Iterable[str], *, group: str = "", names: Sequence[str] = ()
) -> PolicyRuleArgs:
    """One right.

    Args:
        verbs: what may be done.
        resources: with which kinds, in the plural of the API.
        group: their API group, by default the core's.
        names: with which objects alone; none: with all.
    """
    return PolicyRuleArgs(
        api_groups=[group], resources=list(resources), verbs=list(verbs), resource_names=list(names) or None
    )


def account(scope: Scope, name: str) -> ServiceAccount:
    """An account whose token a pod gets only if it asks for it."""
    return ServiceAccount(
        name, metadata=scope.metadata(name), automount_service_account_token=False, opts=scope.child()
    )


def grant(scope: Scope, holder: ServiceAccount, name: str, rights: Sequence[PolicyRuleArgs]) -> RoleBinding:
    """Give an account rights in its namespace."""
    role = Role(f"{name}-role", metadata=scope.metadata(name), rules=list(rights), opts=scope.child())
    return RoleBinding(
        f"{name}-role-binding",
        metadata=scope.metadata(name),
        role_ref=RoleRefArgs(api_group=_RBAC, kind="Role", name=role.metadata.name),
        subjects=[_subject(scope, holder)],
        opts=scope.child(),
    )


def grant_in(
    scope: Scope,
    holder: ServiceAccount,
    name: str,
    rights: Sequence[PolicyRuleArgs],
    *,
    namespaces: Mapping[str, pulumi.Input[str]],
) -> list[RoleBinding]:
    """Give an account the same rights in some namespaces, its own or others.

    Args:
        scope: of the account.
        holder: the account.
        name: whose rights these are.
        rights: of which each is about objects that are in a namespace.
        namespaces: by name, known once they are there.
    """
    metadata = ObjectMetaArgs(name=f"{naming.PART_OF}-{name}", labels=scope.labels(name))
    role = ClusterRole(name, metadata=metadata, rules=list(rights), opts=scope.child())
    return [
        RoleBinding(
            f"{name}-in-{key}",
            metadata=ObjectMetaArgs(name=name, namespace=namespace, labels=scope.labels(name)),
            role_ref=RoleRefArgs(api_group=_RBAC, kind="ClusterRole", name=role.metadata.name),
            subjects=[_subject(scope, holder)],
            opts=scope.child(),
        )
        for key, namespace in namespaces.items()
    ]


def grant_everywhere(
    scope: Scope, holder: ServiceAccount, name: str, rights: Sequence[PolicyRuleArgs]
) -> ClusterRoleBinding:
    """Give an account rights in all namespaces."""
    # A ClusterRole is in no namespace: its name says whose it is.
    metadata = ObjectMetaArgs(name=f"{naming.PART_OF}-{name}", labels=scope.labels(name))
    role = ClusterRole(name, metadata=metadata, rules=list(rights), opts=scope.child())
    return ClusterRoleBinding(
        name,
        metadata=metadata,
        role_ref=RoleRefArgs(api_group=_RBAC, kind="ClusterRole", name=role.metadata.name),
        subjects=[_subject(scope, holder)],
        opts=scope.child(),
    )


def _subject(scope: Scope, holder: ServiceAccount) -> SubjectArgs:
    return SubjectArgs(kind="ServiceAccount", name=holder.metadata.name, namespace=scope.namespace)
