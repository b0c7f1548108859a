"""The add-ons that EKS manages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from infra import settings
from infra.aws import addons
from infra.aws.addons import AFTER_NODES, BEFORE_NODES, Addons, AddonsArgs
from infra.aws.policy_document import Statement
from tests.infra.aws.recorder import REGION, Recording, record

if TYPE_CHECKING:
    from collections.abc import Sequence

GPU_TAINT = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def _declare(names: Sequence[str], *, version: str = "1.35") -> Recording:
    extra = Statement(sid="UseVolumeKey", actions=["kms:Decrypt"], resources=["key-arn"])
    return record(
        lambda: Addons(
            "addons",
            AddonsArgs(
                environment="prod",
                cluster_name="inferstack-prod",
                kubernetes_version=version,
                region=REGION,
                boundary_arn="boundary-arn",
                statements={"aws-ebs-csi-driver": [extra]},
                addons=names,
            ),
        )
    )


def _values(declared: Recording, addon: str) -> dict[str, Any]:
    return json.loads(declared.one("Addon", f"addons-{addon}")["configurationValues"])


def test_every_version_that_settings_allow_has_its_add_ons_pinned() -> None:
    """Each Kubernetes version of the settings has one exact build of each add-on, kube-proxy's of that version."""
    pattern = settings.EksCluster.model_json_schema()["properties"]["version"]["pattern"]
    for version, pinned in addons.VERSIONS.items():
        assert re.fullmatch(pattern, version)
        assert pinned.keys() == {*BEFORE_NODES, *AFTER_NODES}
        assert all(re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", build) for build in pinned.values())
        assert pinned["kube-proxy"].startswith(f"v{version}.")
    assert {f"1.{minor}" for minor in range(30, 40) if re.fullmatch(pattern, f"1.{minor}")} == addons.VERSIONS.keys()


@pytest.mark.parametrize("version", addons.VERSIONS)
def test_add_ons_are_installed_in_their_pinned_version(version: str) -> None:
    """What is asked of EKS is the pinned build; what was changed by hand goes."""
    for each in _declare([*BEFORE_NODES, *AFTER_NODES], version=version).of("Addon"):
        addon = each.inputs["addonName"]
        assert each.inputs["addonVersion"] == addons.VERSIONS[version][addon]
        assert each.inputs["resolveConflictsOnCreate"] == each.inputs["resolveConflictsOnUpdate"] == "OVERWRITE"


def test_network_policies_are_enforced() -> None:
    """The network plugin enforces NetworkPolicy, which it does not do by itself."""
    assert _values(_declare(BEFORE_NODES), "vpc-cni")["enableNetworkPolicy"] == "true"


def test_what_runs_once_is_on_the_system_pool() -> None:
    """DNS and controllers of volumes never wait for a GPU node, nor sit on one."""
    declared = _declare(AFTER_NODES)
    selector = {"inferstack.dev/pool": "system"}
    dns = _values(declared, "coredns")
    assert dns["nodeSelector"] == selector
    assert dns["replicaCount"] >= 2
    for driver in ("aws-ebs-csi-driver", "aws-mountpoint-s3-csi-driver"):
        assert _values(declared, driver)["controller"]["nodeSelector"] == selector


def test_what_runs_on_every_node_tolerates_gpu_nodes() -> None:
    """Volumes and secrets can be mounted on GPU nodes too."""
    declared = _declare(AFTER_NODES)
    for driver in ("aws-ebs-csi-driver", "aws-mountpoint-s3-csi-driver"):
        assert _values(declared, driver)["node"]["tolerateAllTaints"] is True
    assert GPU_TAINT in _values(declared, "aws-secrets-store-csi-driver-provider")["tolerations"]


def test_secrets_are_files_and_read_again() -> None:
    """No copy of a secret becomes a Secret of Kubernetes; a rotated one is read again."""
    driver = _values(_declare(AFTER_NODES), "aws-secrets-store-csi-driver-provider")["secrets-store-csi-driver"]
    assert driver["syncSecret"] == {"enabled": False}
    assert driver["enableSecretRotation"] is True
    assert driver["rotationPollInterval"] == "2m"


def test_add_ons_have_roles_of_their_own() -> None:
    """The network plugin and the volume driver get their permissions by pod identity, bounded."""
    declared = _declare([*BEFORE_NODES, *AFTER_NODES])
    accounts = {each.inputs["serviceAccount"] for each in declared.of("PodIdentityAssociation")}
    assert accounts == {"aws-node", "ebs-csi-controller-sa"}
    assert {each.inputs["permissionsBoundary"] for each in declared.of("Role")} == {"boundary-arn"}
    assert "UseVolumeKey" in declared.one("RolePolicy")["policy"]


def test_dns_comes_after_nodes_and_the_network_before() -> None:
    """What nodes need is there before them; what needs nodes is not among it."""
    assert set(BEFORE_NODES) == {"vpc-cni", "kube-proxy", "eks-pod-identity-agent"}
    assert not set(BEFORE_NODES) & set(AFTER_NODES)
