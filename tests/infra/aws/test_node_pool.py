"""Pools of nodes."""

from __future__ import annotations

import json
from typing import Any, Literal

import pulumi
import pytest

from infra import instance_types
from infra.aws.node_pool import NodePool, NodePoolArgs, autoscaler_hints, node_labels, node_role
from tests.infra.aws.recorder import Recording, record


def _declare(
    instance_type: str = "g6.xlarge",
    *,
    minimum: int = 0,
    capacity: Literal["on_demand", "spot"] = "on_demand",
) -> Recording:
    return record(
        lambda: NodePool(
            "gpu",
            NodePoolArgs(
                environment="prod",
                pool="gpu",
                cluster_name="inferstack-prod",
                kubernetes_version="1.35",
                role_arn="node-role-arn",
                subnet_ids=["subnet-a", "subnet-b"],
                instance_type=instance_type,
                capacity=capacity,
                disk_gib=200,
                min=minimum,
                max=4,
            ),
        )
    )


def _hints(declared: Recording) -> dict[str, str]:
    prefix = "k8s.io/cluster-autoscaler/node-template/"
    tags = [each.inputs["tag"] for each in declared.of("autoscaling/tag:Tag")]
    return {tag["key"].removeprefix(prefix): tag["value"] for tag in tags}


def test_pods_cannot_take_the_nodes_role() -> None:
    """The instance's metadata asks for a session and answers the host alone."""
    options = _declare().one("LaunchTemplate")["metadataOptions"]
    assert options == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}


def test_the_disk_is_encrypted_and_goes_with_the_node() -> None:
    """The root volume is gp3, encrypted, of the size asked for."""
    (disk,) = _declare().one("LaunchTemplate")["blockDeviceMappings"]
    assert disk["ebs"] == {
        "volumeType": "gp3",
        "volumeSize": 200,
        "encrypted": "true",
        "deleteOnTermination": "true",
    }


def test_nobody_logs_in() -> None:
    """There is no key for SSH, in neither the template nor the group, and no public address."""
    declared = _declare()
    assert "keyName" not in declared.one("LaunchTemplate")
    assert "networkInterfaces" not in declared.one("LaunchTemplate")
    assert "remoteAccess" not in declared.one("NodeGroup")


def test_machines_and_their_disks_are_tagged() -> None:
    """What is launched says whose it is: bills and rules go by tags."""
    specifications = _declare().one("LaunchTemplate")["tagSpecifications"]
    assert {each["resourceType"] for each in specifications} == {"instance", "volume", "network-interface"}
    for each in specifications:
        assert each["tags"]["Environment"] == "prod"
        assert each["tags"]["Name"] == "inferstack-prod-gpu"


def test_a_gpu_pool_is_kept_for_those_who_ask_for_gpus() -> None:
    """GPU nodes have the driver's image, the taint, and labels that say pool, architecture and model."""
    group = _declare().one("NodeGroup")
    assert group["amiType"] == "AL2023_x86_64_NVIDIA"
    assert group["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]
    assert group["labels"] == {
        "inferstack.dev/pool": "gpu",
        "inferstack.dev/gpu-architecture": "sm89",
        "inferstack.dev/gpu-model": "L4",
        "k8s.amazonaws.com/accelerator": "nvidia-l4",
    }


def test_a_system_pool_takes_everything_else() -> None:
    """Nodes without GPUs have the standard image and no taint."""
    group = _declare("m7i.large", minimum=2).one("NodeGroup")
    assert group["amiType"] == "AL2023_x86_64_STANDARD"
    assert "taints" not in group
    assert group["labels"] == {"inferstack.dev/pool": "gpu"}


def test_it_starts_at_its_minimum_and_the_autoscaler_goes_on() -> None:
    """The wished size is the minimum at first, and is left alone afterwards."""
    declared = _declare(minimum=1)
    assert declared.one("NodeGroup")["scalingConfig"] == {"minSize": 1, "maxSize": 4, "desiredSize": 1}
    assert declared.ignored("NodeGroup") == ["scalingConfig.desiredSize"]


def test_an_update_takes_one_node_at_a_time_and_none_before_its_successor() -> None:
    """One node goes at a time; by EKS's default strategy, which the group does not change, a new one comes first."""
    assert _declare().one("NodeGroup")["updateConfig"] == {"maxUnavailable": 1}


def test_nodes_follow_the_clusters_version() -> None:
    """The group is of the cluster's version, so that an upgrade of one is followed by the other."""
    assert _declare().one("NodeGroup")["version"] == "1.35"


@pytest.mark.parametrize("capacity", ["on_demand", "spot"])
def test_capacity_is_as_asked(capacity: Literal["on_demand", "spot"]) -> None:
    """On demand or spot, in EKS's words."""
    assert _declare(capacity=capacity).one("NodeGroup")["capacityType"] == capacity.upper()


def test_the_autoscaler_knows_what_a_node_would_be_like() -> None:
    """With no node there, tags of the scaling group tell labels, taint and number of GPUs."""
    hints = _hints(_declare("g6.12xlarge"))
    assert hints["label/inferstack.dev/pool"] == "gpu"
    assert hints["taint/nvidia.com/gpu"] == "true:NoSchedule"
    assert hints["resources/nvidia.com/gpu"] == "4"
    assert {each.inputs["autoscalingGroupName"] for each in _declare().of("autoscaling/tag:Tag")} == {"eks-group"}


@pytest.mark.parametrize("name", [*instance_types.GPU_TYPES, *instance_types.SYSTEM_TYPES])
def test_labels_and_hints_are_what_kubernetes_and_aws_take(name: str) -> None:
    """Label values have no blanks and at most 63 characters; tags' keys at most 128."""
    instance = instance_types.find(name)
    labels = node_labels("gpu", instance)
    hints = autoscaler_hints(labels, instance)
    assert all(len(value) <= 63 and value.replace("-", "").replace(".", "").isalnum() for value in labels.values())
    assert all(len(key) <= 128 for key in hints)
    assert ("k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu" in hints) is bool(instance.gpus)


def test_a_node_may_join_and_pull_and_no_more() -> None:
    """The role of nodes has two policies of AWS, a boundary, and not the network plugin's permissions."""
    declared = record(lambda: node_role("prod", "boundary-arn", pulumi.ResourceOptions()))
    role: dict[str, Any] = declared.one("Role")
    assert role["permissionsBoundary"] == "boundary-arn"
    assert json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}
    policies = {each.inputs["policyArn"].rpartition("/")[2] for each in declared.of("RolePolicyAttachment")}
    # Not the minimal one: a node of AL2023 asks EC2 for its name (DescribeInstances) before it joins.
    assert policies == {"AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"}
