"""The control plane."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.aws.access import Grant
from infra.aws.eks import Eks, EksArgs
from tests.infra.aws.recorder import Recording, account, cluster, record


def _declare(
    *, tier: str = "production", public_access: tuple[str, ...] = (), seen: dict[str, Any] | None = None
) -> Recording:
    outputs = {} if seen is None else seen

    def program() -> None:
        eks = Eks(
            "cluster",
            EksArgs(
                environment="prod",
                aws=account(tier=tier),
                cluster=cluster(public_access=public_access),
                subnet_ids=["subnet-a", "subnet-b", "subnet-c"],
                secrets_key_arn="secrets-key-arn",
                log_key_arn="logs-key-arn",
                boundary_arn="boundary-arn",
                grants={"deploy": Grant(principal_arn="role/deploy", policy="AmazonEKSClusterAdminPolicy")},
            ),
        )
        eks.kubeconfig.apply(lambda text: outputs.update(kubeconfig=text))
        eks.security_group_id.apply(lambda group: outputs.update(group=group))

    return record(program)


def test_the_endpoint_is_private() -> None:
    """Without an allow-list the API is reached from the VPC alone."""
    config = _declare().one("eks/cluster:Cluster")["vpcConfig"]
    assert config["endpointPrivateAccess"] is True
    assert config["endpointPublicAccess"] is False
    assert "publicAccessCidrs" not in config


def test_a_public_endpoint_is_for_an_allow_list() -> None:
    """With an allow-list those ranges reach it, never everybody, and the VPC still does."""
    config = _declare(tier="development", public_access=("198.51.100.0/24",)).one("eks/cluster:Cluster")["vpcConfig"]
    assert config["endpointPrivateAccess"] is True
    assert config["endpointPublicAccess"] is True
    assert config["publicAccessCidrs"] == ["198.51.100.0/24"]


def test_secrets_are_encrypted_with_our_key() -> None:
    """Kubernetes' secrets are encrypted with the stack's key."""
    encryption = _declare().one("eks/cluster:Cluster")["encryptionConfig"]
    assert encryption == {"provider": {"keyArn": "secrets-key-arn"}, "resources": ["secrets"]}


def test_all_control_plane_logs_are_kept_encrypted_for_as_long_as_asked() -> None:
    """All five kinds of logs are on, in a group that is made first, with our key and an end."""
    declared = _declare()
    assert set(declared.one("eks/cluster:Cluster")["enabledClusterLogTypes"]) == {
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    }
    group = declared.one("LogGroup")
    assert (group["name"], group["retentionInDays"]) == ("/aws/eks/inferstack-prod/cluster", 365)
    assert group["kmsKeyId"] == "logs-key-arn"
    names = [each.name for each in declared]
    assert names.index("cluster-logs") < [each.type for each in declared].index("aws:eks/cluster:Cluster")


def test_nobody_is_administrator_by_accident() -> None:
    """Access is by entries of EKS only, and whoever created the cluster gets none for it."""
    access = _declare().one("eks/cluster:Cluster")["accessConfig"]
    assert access == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}


@pytest.mark.parametrize(
    ("tier", "protected", "support"),
    [("development", False, "STANDARD"), ("staging", True, "STANDARD"), ("production", True, "EXTENDED")],
)
def test_what_a_tier_changes(tier: str, *, protected: bool, support: str) -> None:
    """Staging and production are protected from deletion; only production is never upgraded by AWS itself."""
    declared = _declare(tier=tier)
    found = declared.one("eks/cluster:Cluster")
    assert found["deletionProtection"] is protected
    assert bool(declared.protected("Cluster")) is protected
    assert found["upgradePolicy"] == {"supportType": support}


def test_add_ons_are_ours_to_install() -> None:
    """EKS installs none in a version of its choice."""
    assert _declare().one("eks/cluster:Cluster")["bootstrapSelfManagedAddons"] is False


def test_the_role_is_the_services_and_bounded() -> None:
    """Only EKS assumes the cluster's role, which has EKS's policy and carries the boundary."""
    declared = _declare()
    role = declared.one("Role")
    assert role["name"] == "inferstack-prod-cluster"
    assert role["permissionsBoundary"] == "boundary-arn"
    assert json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"] == {"Service": "eks.amazonaws.com"}
    assert declared.one("RolePolicyAttachment")["policyArn"] == "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"


def test_the_kubeconfig_asks_for_a_token_and_holds_none() -> None:
    """The kubeconfig names server, CA and a command; no token is in it."""
    seen = dict[str, Any]()
    _declare(seen=seen)
    config = json.loads(seen["kubeconfig"])
    (entry,) = config["clusters"]
    assert entry["cluster"] == {"server": "https://cluster.example", "certificate-authority-data": "Q0E="}
    (user,) = config["users"]
    assert user["user"].keys() == {"exec"}
    assert user["user"]["exec"]["command"] == "aws"
    assert user["user"]["exec"]["args"] == [
        *("eks", "get-token", "--cluster-name", "inferstack-prod", "--region", "eu-central-1")
    ]
    assert config["current-context"] == "inferstack-prod"
    assert seen["group"] == "sg-cluster"
