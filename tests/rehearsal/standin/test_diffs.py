"""What a change does to a resource."""

import pytest

from rehearsal.standin.diffs import Kind, diff
from rehearsal.standin.naming import DEFAULTS
from rehearsal.standin.table import Spec, specs
from rehearsal.standin.values import UNKNOWN, Properties, Secret, Value

VPC = "aws:ec2/vpc:Vpc"
GROUP = "aws:eks/nodeGroup:NodeGroup"
CLUSTER = "aws:eks/cluster:Cluster"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
NLB: Properties = {"loadBalancerType": "network"}
DATABASE = "aws:rds/instance:Instance"


def _diff(token: str, old: Properties, new: Properties) -> dict[str, tuple[Kind, bool]]:
    return {change.path: (change.kind, change.replaces) for change in diff(specs("aws")[token], old, new).changes}


@pytest.mark.parametrize("spec", specs("aws").values(), ids=lambda spec: spec.token)
def test_every_replacing_property_replaces(spec: Spec) -> None:
    """A change of any property that the table lists replaces the resource, at whatever depth it lies."""
    for path in spec.replaces:
        old: Value = "before"
        new: Value = "after"
        for part in reversed(path.split(".")[1:]):
            old, new = {part: old}, {part: new}
        top = path.partition(".")[0]
        found = diff(spec, {top: old}, {top: new})
        assert [change.replaces for change in found.changes] == [True], path


@pytest.mark.parametrize(
    ("token", "old", "new", "expected"),
    [
        (VPC, {"cidrBlock": "a"}, {"cidrBlock": "a"}, {}),
        (VPC, {"cidrBlock": "a"}, {"cidrBlock": "b"}, {"cidrBlock": (Kind.UPDATE, True)}),
        (VPC, {"cidrBlock": "a"}, {"cidrBlock": UNKNOWN}, {"cidrBlock": (Kind.UPDATE, True)}),
        (VPC, {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, {"tags.a": (Kind.UPDATE, False)}),
        (VPC, {}, {"tags": {"k8s.io/a": "2"}}, {'tags["k8s.io/a"]': (Kind.ADD, False)}),
        (VPC, {"enableDnsSupport": True}, {}, {"enableDnsSupport": (Kind.DELETE, False)}),
        (VPC, {"region": "a"}, {"region": "b"}, {"region": (Kind.UPDATE, True)}),
        (VPC, {"cidrBlock": "a"}, {"cidrBlock": Secret("a")}, {}),
        (VPC, {"cidrBlock": "a", DEFAULTS: []}, {"cidrBlock": "a", DEFAULTS: ["x"]}, {}),
        (GROUP, {"subnetIds": ["a", "b"]}, {"subnetIds": ["b", "a"]}, {}),
        (GROUP, {"subnetIds": ["a"]}, {"subnetIds": ["a", "b"]}, {"subnetIds[1]": (Kind.ADD, True)}),
        (
            GROUP,
            {"instanceTypes": ["a", "b"]},
            {"instanceTypes": ["b", "a"]},
            {"instanceTypes[0]": (Kind.UPDATE, True), "instanceTypes[1]": (Kind.UPDATE, True)},
        ),
        (GROUP, {"amiType": "a"}, {}, {}),
        (GROUP, {"launchTemplate": {"id": "a", "version": "1"}}, {"launchTemplate": {"id": "a", "version": "2"}},
         {"launchTemplate.version": (Kind.UPDATE, False)}),
        (GROUP, {"launchTemplate": {"id": "a", "version": "1"}}, {"launchTemplate": {"id": "b", "version": "1"}},
         {"launchTemplate.id": (Kind.UPDATE, True)}),
        (GROUP, {"launchTemplate": {"id": "a"}}, {"launchTemplate": UNKNOWN}, {"launchTemplate": (Kind.UPDATE, True)}),
        (CLUSTER, {"version": "1.33"}, {"version": "1.34"}, {"version": (Kind.UPDATE, False)}),
        (CLUSTER, {}, {"encryptionConfig": {"resources": ["secrets"]}},
         {"encryptionConfig.resources": (Kind.ADD, False)}),
        (CLUSTER, {"encryptionConfig": {"resources": ["secrets"]}}, {},
         {"encryptionConfig.resources": (Kind.DELETE, True)}),
        (VPC, {"instanceTenancy": "default"}, {"instanceTenancy": "dedicated"},
         {"instanceTenancy": (Kind.UPDATE, True)}),
        (VPC, {"instanceTenancy": "dedicated"}, {"instanceTenancy": "default"},
         {"instanceTenancy": (Kind.UPDATE, False)}),
        (BALANCER, {**NLB, "subnets": ["a"]}, {**NLB, "subnets": ["a", "b"]}, {"subnets[1]": (Kind.ADD, False)}),
        (BALANCER, {**NLB, "subnets": ["a"]}, {**NLB, "subnets": ["b"]}, {"subnets[0]": (Kind.UPDATE, True)}),
        (BALANCER, {"subnets": ["a"]}, {"subnets": ["b"]}, {"subnets[0]": (Kind.UPDATE, False)}),
        (BALANCER, NLB, {**NLB, "securityGroups": ["a"]}, {"securityGroups": (Kind.ADD, True)}),
        (BALANCER, {**NLB, "securityGroups": ["a"]}, {**NLB, "securityGroups": ["b"]},
         {"securityGroups[0]": (Kind.UPDATE, False)}),
        (DATABASE, {"storageEncrypted": False}, {"storageEncrypted": True}, {"storageEncrypted": (Kind.UPDATE, True)}),
        (DATABASE, {"allocatedStorage": 20}, {"allocatedStorage": 50}, {"allocatedStorage": (Kind.UPDATE, False)}),
        ("aws:iam/role:Role", {"assumeRolePolicy": '{"a": 1, "b": 2}'}, {"assumeRolePolicy": '{"b":2,"a":1}'}, {}),
    ],
)  # fmt: skip
def test_a_change_is_what_it_is(
    token: str, old: Properties, new: Properties, expected: dict[str, tuple[Kind, bool]]
) -> None:
    """Updates, replacements, sets, JSON documents, secrets and what the cloud fills in are told apart."""
    assert _diff(token, old, new) == expected


def test_ignored_changes_are_no_changes() -> None:
    """What the program tells the engine to ignore does not replace."""
    assert diff(specs("aws")[VPC], {"cidrBlock": "a"}, {"cidrBlock": "b"}, ["cidrBlock"]).changes == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"nodeGroupName": "gpu"}, {"nodeGroupName": "gpu"}, "first"),
        ({"nodeGroupName": "gpu"}, {"nodeGroupName": "gpu-2"}, "last"),
        ({"nodeGroupName": "gpu-1a2b3c4", DEFAULTS: ["nodeGroupName"]}, {"nodeGroupName": "gpu-1a2b3c4"}, "last"),
    ],
)
def test_a_name_that_the_program_chose_goes_before_it_comes_again(
    old: Properties, new: Properties, expected: str
) -> None:
    """Two node groups cannot have one name: the old one is deleted first, unless the name is new or automatic."""
    found = diff(specs("aws")[GROUP], {**old, "diskSize": 1}, {**new, "diskSize": 2})
    assert ("first" if found.delete_before_replace else "last") == expected


def test_an_update_deletes_nothing() -> None:
    """Without a replacement there is nothing to delete first."""
    assert not diff(
        specs("aws")[GROUP], {"nodeGroupName": "a"}, {"nodeGroupName": "a", "labels": {"b": "c"}}
    ).delete_before_replace
