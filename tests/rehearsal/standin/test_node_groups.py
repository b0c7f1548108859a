"""Node groups are told to the rehearsal's node maker."""

import json
from pathlib import Path

from rehearsal.standin.provider import Wanted
from rehearsal.standin.values import Properties
from tests.rehearsal.standin.conftest import Stand, fresh, named

GROUP = "aws:eks/nodeGroup:NodeGroup"
SUBNET = "aws:ec2/subnet:Subnet"


def _inputs(stand: Stand) -> Properties:
    subnets = [
        stand.create(SUBNET, {"vpcId": "vpc-1", "availabilityZone": f"eu-central-1{zone}"}, name=zone)[0]
        for zone in "ab"
    ]
    template, _ = stand.create(
        "aws:ec2/launchTemplate:LaunchTemplate",
        {"instanceType": "g5.xlarge", "blockDeviceMappings": [{"ebs": {"volumeSize": 200}}]},
    )
    return {
        "clusterName": "main",
        "nodeGroupName": "gpu",
        "nodeRoleArn": "arn:aws:iam::111122223333:role/node",
        "subnetIds": [*subnets],
        "scalingConfig": {"minSize": 0, "maxSize": 4, "desiredSize": 1},
        "labels": {"pool": "gpu"},
        "taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}],
        "launchTemplate": {"id": template, "version": "1"},
        "capacityType": "SPOT",
    }


def _file(stand: Stand) -> Path:
    return stand.told.node_groups / "main.gpu.json"


def test_a_node_group_is_written(stand: Stand) -> None:
    """The file has the launch template's type and disk, the subnets' zones and Kubernetes's taints."""
    _, made = stand.create(GROUP, _inputs(stand))
    assert json.loads(_file(stand).read_text()) == {
        "ami_type": "AL2023_x86_64_STANDARD",
        "capacity_type": "SPOT",
        "cluster": "main",
        "desired": 1,
        "disk_gib": 200,
        "instance_types": ["g5.xlarge"],
        "labels": {"pool": "gpu"},
        "max": 4,
        "min": 0,
        "name": "gpu",
        "subnets": made["subnetIds"],
        "taints": [{"effect": "NoSchedule", "key": "nvidia.com/gpu", "value": "present"}],
        "version": None,
        "zones": ["eu-central-1a", "eu-central-1b"],
    }


def test_a_preview_writes_nothing(stand: Stand) -> None:
    """Nodes come with the update."""
    stand.create(GROUP, _inputs(stand), preview=True)
    assert not _file(stand).exists()


def test_an_update_and_a_deletion_follow(stand: Stand) -> None:
    """A changed size is written, a deleted group forgotten, by another process too."""
    inputs = _inputs(stand)
    resource_id, made = stand.create(GROUP, inputs)
    bigger: Properties = {**inputs, "scalingConfig": {"minSize": 1, "maxSize": 8, "desiredSize": 2}}
    stand.provider.update(named(GROUP), resource_id, made, bigger, preview=False)
    assert json.loads(_file(stand).read_text())["max"] == 8
    fresh(stand.told).provider.delete(named(GROUP), resource_id, {})
    assert not _file(stand).exists()
    fresh(stand.told).provider.delete(named(GROUP), resource_id, {})


def test_the_old_groups_end_leaves_the_new_one(stand: Stand) -> None:
    """Where the new group has the id of the old one and came first, deleting the old one forgets nothing."""
    resource_id, _ = stand.create(GROUP, _inputs(stand))
    stand.provider.delete(named(GROUP), resource_id, {})
    assert _file(stand).exists()


def test_zones_are_known_from_subnets_that_did_not_change(stand: Stand) -> None:
    """A run that only changes the group meets its subnets when the engine compares them."""
    inputs = _inputs(stand)
    resource_id, made = stand.create(GROUP, inputs)
    later = fresh(stand.told)
    subnets = inputs["subnetIds"]
    assert isinstance(subnets, list)
    for subnet, zone in zip(subnets, "ab", strict=True):
        known: Properties = {"vpcId": "vpc-1", "availabilityZone": f"eu-central-1{zone}"}
        later.provider.diff(named(SUBNET, zone), str(subnet), Wanted(old=known, new=known))
    template = inputs["launchTemplate"]
    assert isinstance(template, dict)
    kept: Properties = {"instanceType": "g5.xlarge"}
    later.provider.diff(named("aws:ec2/launchTemplate:LaunchTemplate"), str(template["id"]), Wanted(old=kept, new=kept))
    later.provider.update(named(GROUP), resource_id, made, inputs, preview=False)
    written = json.loads(_file(stand).read_text())
    assert written["zones"] == ["eu-central-1a", "eu-central-1b"]
    assert written["instance_types"] == ["g5.xlarge"]
