"""Who may use a cluster's API."""

from __future__ import annotations

from infra.aws.access import ClusterAccess, ClusterAccessArgs, Grant
from tests.infra.aws.recorder import record


def test_each_grant_is_an_entry_with_its_policy_and_nothing_more() -> None:
    """A principal has one entry and one policy for the whole cluster, no groups of Kubernetes."""
    declared = record(
        lambda: ClusterAccess(
            "access",
            ClusterAccessArgs(
                cluster_name="inferstack-prod",
                grants={
                    "deploy": Grant(principal_arn="role/deploy", policy="AmazonEKSClusterAdminPolicy"),
                    "preview": Grant(principal_arn="role/preview", policy="AmazonEKSViewPolicy"),
                },
            ),
        )
    )
    assert {each.inputs["principalArn"] for each in declared.of("AccessEntry")} == {"role/deploy", "role/preview"}
    assert not any("kubernetesGroups" in each.inputs for each in declared.of("AccessEntry"))
    policies = {
        each.inputs["principalArn"]: each.inputs["policyArn"] for each in declared.of("AccessPolicyAssociation")
    }
    assert policies == {
        "role/deploy": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        "role/preview": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
    }
