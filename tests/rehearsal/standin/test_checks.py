"""Wrong arguments are refused, each with its place and its reason."""

import pytest

from rehearsal.standin.values import UNKNOWN, Properties, Secret, Value
from tests.rehearsal.standin.conftest import Stand

VPC = "aws:ec2/vpc:Vpc"
GROUP = "aws:eks/nodeGroup:NodeGroup"
DATABASE = "aws:rds/instance:Instance"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GOOD: dict[str, Properties] = {
    VPC: {"cidrBlock": "10.0.0.0/16"},
    GROUP: {
        "clusterName": "c",
        "nodeRoleArn": "arn:aws:iam::111122223333:role/node",
        "subnetIds": ["subnet-1"],
        "scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 0},
    },
    DATABASE: {"instanceClass": "db.m7g.large", "storageType": "gp3"},
    TEMPLATE: {},
    "aws:eks/cluster:Cluster": {"roleArn": "r", "vpcConfig": {"subnetIds": ["subnet-1"]}},
    "aws:s3/bucketVersioning:BucketVersioning": {"bucket": "b", "versioningConfiguration": {"status": "Enabled"}},
    "aws:lb/listener:Listener": {"loadBalancerArn": "a", "defaultActions": [{"type": "forward"}]},
    "aws:route53/record:Record": {"zoneId": "Z", "name": "n", "type": "A"},
    "aws:iam/role:Role": {"assumeRolePolicy": "{}"},
    "aws:ecr/repository:Repository": {},
}

WRONG: list[tuple[str, str, Value, str, str]] = [
    # type, argument, value, where, why
    (VPC, "cidr_block", "10.0.0.0/16", "cidr_block", "did you mean cidrBlock"),
    (VPC, "zebra", "x", "zebra", "no such argument; known: assignGenerated"),
    (VPC, "cidrBlock", 10, "cidrBlock", "a string, not 10"),
    (VPC, "cidrBlock", ["10.0.0.0/16"], "cidrBlock", "a string, not a list"),
    (VPC, "enableDnsSupport", "true", "enableDnsSupport", "true or false, not 'true'"),
    (VPC, "enableDnsSupport", 1, "enableDnsSupport", "true or false, not 1"),
    (VPC, "tags", ["a"], "tags", "a mapping, not a list"),
    (VPC, "tags", {"a": 1}, "tags.a", "a string, not 1"),
    (VPC, "instanceTenancy", "shared", "instanceTenancy", "none of default, dedicated"),
    (GROUP, "subnetIds", "subnet-1", "subnetIds", "a list, not 'subnet-1'"),
    (GROUP, "subnetIds", ["subnet-1", 2], "subnetIds[1]", "a string, not 2"),
    (GROUP, "subnetIds", None, "subnetIds", "required and missing"),
    (GROUP, "scalingConfig", {"minSize": 0, "maxSize": 1}, "scalingConfig.desiredSize", "required and missing"),
    (GROUP, "scalingConfig", {"minSize": 0.5, "maxSize": 1, "desiredSize": 1}, "scalingConfig.minSize", "whole number"),
    (GROUP, "scalingConfig", {"min": 0, "minSize": 0, "maxSize": 1, "desiredSize": 1}, "scalingConfig.min", "minSize"),
    (GROUP, "scalingConfig", "1", "scalingConfig", "an object, not '1'"),
    (GROUP, "taints", [{"key": "a"}], "taints[0].effect", "required and missing"),
    (GROUP, "taints", [{"key": "a", "effect": "NoSchedule"}], "taints[0].effect", "none of NO_SCHEDULE"),
    (GROUP, "capacityType", "spot", "capacityType", "none of ON_DEMAND, SPOT"),
    (GROUP, "amiType", "AL2023_x86_64_NVIDA", "amiType", "near: AL2023_x86_64_NVIDIA"),
    (DATABASE, "instanceClass", "m5.large", "instanceClass", "none of db."),
    (DATABASE, "storageType", "gp4", "storageType", "gp3"),
    (TEMPLATE, "metadataOptions", {"httpTokens": "yes"}, "metadataOptions.httpTokens", "required, optional"),
    (TEMPLATE, "blockDeviceMappings", [{"ebs": {"size": 1}}], "blockDeviceMappings[0].ebs.size", "no such argument"),
    ("aws:route53/record:Record", "type", "ALIAS", "type", "none of the 17 allowed"),
    (
        "aws:s3/bucketVersioning:BucketVersioning",
        "versioningConfiguration",
        {},
        "versioningConfiguration.status",
        "req",
    ),
    ("aws:eks/cluster:Cluster", "enabledClusterLogTypes", ["apis"], "enabledClusterLogTypes[0]", "none of api, audit"),
    ("aws:iam/role:Role", "assumeRolePolicy", 1, "assumeRolePolicy", "a string, not 1"),
    ("aws:lb/listener:Listener", "port", "80", "port", "a whole number, not '80'"),
    ("aws:ecr/repository:Repository", "imageTagMutability", "immutable", "imageTagMutability", "IMMUTABLE"),
]


@pytest.mark.parametrize("token", GOOD)
def test_good_arguments_pass(stand: Stand, token: str) -> None:
    """The base of each case below is right."""
    assert stand.check(token, GOOD[token]) == []


@pytest.mark.parametrize("case", WRONG, ids=lambda case: f"{case[0]}-{case[3]}")
def test_each_seeded_error_is_refused(stand: Stand, case: tuple[str, str, Value, str, str]) -> None:
    """Wrong names, types, enumerations and missing arguments are told apart, at any depth."""
    token, name, value, where, why = case
    failures = [failure for failure in stand.check(token, {**GOOD[token], name: value}) if failure.path == where]
    assert len(failures) == 1
    assert why in failures[0].reason


def test_unknown_and_secret_values_are_checked_as_far_as_they_are_known(stand: Stand) -> None:
    """A preview is not refused for what is not known yet; a secret is checked like any value."""
    assert stand.check(VPC, {"cidrBlock": UNKNOWN, "tags": {"a": UNKNOWN}}) == []
    assert stand.check(GROUP, {**GOOD[GROUP], "scalingConfig": UNKNOWN}) == []
    assert stand.check(VPC, {"cidrBlock": Secret("10.0.0.0/16")}) == []
    assert [f.path for f in stand.check(VPC, {"cidrBlock": Secret(1)})] == ["cidrBlock"]
