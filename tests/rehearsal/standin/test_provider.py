"""What the stand-in answers for resources."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standin.cloud import Memory
from rehearsal.standin.naming import DEFAULTS, Autoname, fill
from rehearsal.standin.provider import RefusedError, Wanted
from rehearsal.standin.table import specs
from rehearsal.standin.told import Told
from rehearsal.standin.values import UNKNOWN, Properties, Secret, Value, has_unknown
from tests.rehearsal.standin.conftest import ACCOUNT, Stand, fresh, named

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ROLE = "aws:iam/role:Role"
CLUSTER = "aws:eks/cluster:Cluster"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
DATABASE = "aws:rds/instance:Instance"
LONG = f"arn:aws:elasticloadbalancing:eu-central-1:{ACCOUNT}"

IDS: list[tuple[str, Properties, str]] = [
    (VPC, {"cidrBlock": "10.0.0.0/16"}, r"vpc-[0-9a-f]{17}"),
    (SUBNET, {"vpcId": "vpc-1"}, r"subnet-[0-9a-f]{17}"),
    ("aws:ec2/eip:Eip", {}, r"eipalloc-[0-9a-f]{17}"),
    ("aws:ec2/route:Route", {"routeTableId": "rtb-1"}, r"r-rtb-1\d+"),
    (TEMPLATE, {}, r"lt-[0-9a-f]{17}"),
    (ROLE, {"assumeRolePolicy": "{}"}, r"it-[0-9a-f]{7}"),
    ("aws:iam/policy:Policy", {"policy": "{}", "name": "p"}, rf"arn:aws:iam::{ACCOUNT}:policy/p"),
    ("aws:kms/key:Key", {}, r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    ("aws:kms/alias:Alias", {"targetKeyId": "k"}, r"alias/it-[0-9a-f]{7}"),
    ("aws:s3/bucket:Bucket", {}, r"it-[0-9a-f]{7}"),
    ("aws:secretsmanager/secret:Secret", {"name": "db"}, r"arn:aws:secretsmanager:.*:secret:db-[A-Za-z0-9]{6}"),
    ("aws:lb/loadBalancer:LoadBalancer", {"name": "n", "loadBalancerType": "network"},
     f"{LONG}:loadbalancer/net/n/[0-9a-f]{{16}}"),
    ("aws:lb/listener:Listener", {"loadBalancerArn": f"{LONG}:loadbalancer/net/n/0123", "defaultActions": []},
     f"{LONG}:listener/net/n/0123/[0-9a-f]{{16}}"),
    ("aws:eks/podIdentityAssociation:PodIdentityAssociation",
     {"clusterName": "c", "namespace": "n", "serviceAccount": "s", "roleArn": "r"}, r"a-[A-Za-z0-9]{17}"),
]  # fmt: skip


@pytest.mark.parametrize(("token", "inputs", "pattern"), IDS)
def test_ids_are_well_formed_and_deterministic(told: Told, token: str, inputs: Properties, pattern: str) -> None:
    """An id looks as AWS makes it, and two runs of the same program get the same."""
    first, made = fresh(told).create(token, inputs)
    second, again = fresh(told).create(token, inputs)
    assert re.fullmatch(pattern, first)
    assert (first, made) == (second, again)
    assert fresh(told).create(token, inputs, name="other")[0] != first or "name" in inputs


def test_a_preview_knows_the_inputs_and_not_the_cloud(stand: Stand) -> None:
    """Before the update, what was given, defaults, tags and region are known; ids, ARNs and all else are not."""
    resource_id, made = stand.create(VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"Name": "net"}}, preview=True)
    assert resource_id == ""
    assert made["cidrBlock"] == "10.0.0.0/16"
    assert made["enableDnsSupport"] is True
    assert made["tagsAll"] == {"stack": "prod", "Name": "net"}
    assert made["region"] == "eu-central-1"
    assert made["arn"] is UNKNOWN
    assert made["defaultSecurityGroupId"] is UNKNOWN


def test_a_preview_takes_unknown_inputs(stand: Stand) -> None:
    """A subnet of a VPC that is not there yet can be previewed, nested and tagged with unknown values."""
    _, made = stand.create(SUBNET, {"vpcId": UNKNOWN, "tags": {"Name": UNKNOWN}}, preview=True)
    assert made["vpcId"] is UNKNOWN
    assert made["tagsAll"] == {"stack": "prod", "Name": UNKNOWN}
    _, cluster = stand.create(CLUSTER, {"roleArn": UNKNOWN, "vpcConfig": {"subnetIds": [UNKNOWN]}}, preview=True)
    assert cluster["vpcConfig"] == {
        "subnetIds": [UNKNOWN],
        "endpointPrivateAccess": False,
        "endpointPublicAccess": True,
        "clusterSecurityGroupId": UNKNOWN,
        "vpcId": UNKNOWN,
    }


@pytest.mark.parametrize(("token", "inputs"), [(token, inputs) for token, inputs, _ in IDS])
def test_after_an_update_everything_is_known(stand: Stand, token: str, inputs: Properties) -> None:
    """No output stays unknown once the resource is there."""
    assert not has_unknown(stand.create(token, inputs)[1])


def test_the_cluster_is_the_rehearsals_own(stand: Stand) -> None:
    """The EKS cluster answers with the throw-away API server's endpoint and certificate authority."""
    _, made = stand.create(CLUSTER, {"name": "c", "roleArn": "r", "vpcConfig": {"subnetIds": ["subnet-1"]}})
    assert made["endpoint"] == "https://127.0.0.1:6443"
    assert made["certificateAuthority"] == {"data": "Q0E="}
    assert made["arn"] == f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/c"


def test_defaults_are_inputs_as_the_bridge_has_them(stand: Stand) -> None:
    """Rules see what the provider fills in: that a cluster's endpoint is public unless it is said not to be."""
    given: Properties = {"roleArn": "r", "vpcConfig": {"subnetIds": ["subnet-1"], "endpointPrivateAccess": True}}
    inputs, _ = stand.provider.check(named(CLUSTER), None, given)
    assert inputs["bootstrapSelfManagedAddons"] is True
    network = inputs["vpcConfig"]
    assert network == {"subnetIds": ["subnet-1"], "endpointPrivateAccess": True, "endpointPublicAccess": True}


def test_what_is_secret_stays_secret(stand: Stand) -> None:
    """Secret inputs are secret outputs, alone and inside objects; the SDK's secret outputs are secret by themselves."""
    _, vpc = stand.create(VPC, {"cidrBlock": Secret("10.0.0.0/16"), "tags": {"a": Secret("b")}})
    assert vpc["cidrBlock"] == Secret("10.0.0.0/16")
    assert vpc["tags"] == {"a": Secret("b")}
    assert vpc["tagsAll"] == {"stack": "prod", "a": Secret("b")}
    _, database = stand.create(DATABASE, {"instanceClass": "db.m5.large", "password": "open"})
    assert database["password"] == Secret("open")
    _, role = stand.create(ROLE, {"assumeRolePolicy": "{}", "name": Secret("hidden")})
    assert isinstance(role["arn"], Secret)
    hidden, _ = stand.provider.check(named(VPC), None, {"tags": Secret({"a": "b"})})
    assert hidden["tagsAll"] == Secret({"stack": "prod", "a": "b"})


def test_the_managed_password_is_no_value(stand: Stand) -> None:
    """A password that AWS manages shows up as the ARN of its secret, and nowhere else."""
    _, made = stand.create(DATABASE, {"instanceClass": "db.m5.large", "manageMasterUserPassword": True})
    secrets = made["masterUserSecrets"]
    assert isinstance(secrets, list)
    assert str(secrets[0]).count(":secret:rds!db-") == 1
    assert "password" not in made


def test_a_certificate_names_its_validation_records(stand: Stand) -> None:
    """Each name gets a CNAME record to prove it with; a wildcard the record of its domain."""
    names: Value = ["a.example.com", "*.example.com"]
    _, made = stand.create(
        "aws:acm/certificate:Certificate",
        {"domainName": "a.example.com", "subjectAlternativeNames": names, "validationMethod": "DNS"},
    )
    options = made["domainValidationOptions"]
    assert isinstance(options, list)
    assert [option["domainName"] for option in options if isinstance(option, dict)] == names


def test_an_update_keeps_what_the_cloud_told(stand: Stand) -> None:
    """Id and ARN outlive an update; a launch template counts its versions, which a preview cannot know."""
    resource_id, before = stand.create(TEMPLATE, {"name": "t", "instanceType": "g5.xlarge"})
    changed: Properties = {"name": "t", "instanceType": "g5.2xlarge"}
    previewed = stand.provider.update(named(TEMPLATE), resource_id, before, changed, preview=True)
    after = stand.provider.update(named(TEMPLATE), resource_id, before, changed, preview=False)
    assert after["arn"] == before["arn"] == previewed["arn"]
    assert (before["latestVersion"], previewed["latestVersion"], after["latestVersion"]) == (1, UNKNOWN, 2)


def test_what_is_no_longer_said_stays_as_it_is(stand: Stand) -> None:
    """An argument that the cloud would fill in keeps its value when the program leaves it out."""
    given: Properties = {"vpcId": "vpc-1", "availabilityZone": "eu-central-1c"}
    subnet, made = stand.create(SUBNET, given)
    without: Properties = {"vpcId": "vpc-1"}
    assert stand.provider.diff(named(SUBNET), subnet, Wanted(old=given, state=made, new=without)).changes == ()
    updated = stand.provider.update(named(SUBNET), subnet, made, without, preview=False)
    assert updated["availabilityZone"] == "eu-central-1c"


def test_a_replacement_has_another_id_and_name(stand: Stand) -> None:
    """The new resource can exist beside the old one."""
    role = named(ROLE)
    inputs, _ = stand.provider.check(role, None, {"assumeRolePolicy": "{}", "path": "/a/"})
    old_id, _ = stand.provider.create(role, inputs, preview=False)
    changed, _ = stand.provider.check(role, inputs, {"assumeRolePolicy": "{}", "path": "/b/"})
    assert changed["name"] == inputs["name"]
    assert any(change.replaces for change in stand.provider.diff(role, old_id, Wanted(old=inputs, new=changed)).changes)
    again, _ = stand.provider.check(role, None, {"assumeRolePolicy": "{}", "path": "/b/"})
    new_id, _ = stand.provider.create(role, again, preview=False)
    assert new_id != old_id

    vpc = named(VPC)
    first, _ = stand.create(VPC, {"cidrBlock": "10.0.0.0/16"})
    stand.provider.diff(vpc, first, Wanted(old={"cidrBlock": "10.0.0.0/16"}, new={"cidrBlock": "10.1.0.0/16"}))
    assert stand.create(VPC, {"cidrBlock": "10.1.0.0/16"})[0] != first


@given(st.from_regex(r"[a-z][a-z0-9-]{0,80}", fullmatch=True))
def test_automatic_names_fit(name: str) -> None:
    """An automatic name is the resource's name and seven hexadecimal digits, no longer than AWS allows."""
    spec = specs("aws")["aws:lb/targetGroup:TargetGroup"]
    made = str(fill(spec, {}, None, Autoname(urn=named(spec.token, name).urn), Memory())["name"])
    assert len(made) <= 32
    assert re.fullmatch(re.escape(name[:24]) + "-[0-9a-f]{7}", made)


def test_the_engines_own_automatic_names_are_taken(stand: Stand) -> None:
    """Where the stack configures automatic names, the proposed one is given, kept, and still automatic."""
    inputs, _ = stand.provider.check(named(ROLE), None, {"assumeRolePolicy": "{}"}, "prod-it")
    assert (inputs["name"], "name" in str(inputs[DEFAULTS])) == ("prod-it", True)
    again, _ = stand.provider.check(named(ROLE), inputs, {"assumeRolePolicy": "{}"}, "prod-it-2")
    assert again["name"] == "prod-it"


def test_a_name_that_is_too_long_is_refused(stand: Stand) -> None:
    """A load balancer's name has at most 32 characters."""
    failures = stand.check("aws:lb/loadBalancer:LoadBalancer", {"name": "n" * 33})
    assert [(failure.path, "at most 32" in failure.reason) for failure in failures] == [("name", True)]


def test_another_region_replaces(stand: Stand) -> None:
    """A resource cannot move: a provider of another region replaces what lies in the old one."""
    given: Properties = {"cidrBlock": "10.0.0.0/16"}
    vpc, made = stand.create(VPC, given)
    stand.provider.configure({"region": "eu-west-1"})
    found = stand.provider.diff(named(VPC), vpc, Wanted(old=given, state=made, new=given))
    assert [(change.path, change.replaces) for change in found.changes] == [("region", True)]


@pytest.mark.parametrize(
    ("token", "properties", "said"),
    [
        (DATABASE, {"deletionProtection": True}, "deletionProtection is on"),
        (DATABASE, {"skipFinalSnapshot": False}, "finalSnapshotIdentifier is required"),
        (CLUSTER, {"deletionProtection": True}, "deletionProtection is on"),
        ("aws:lb/loadBalancer:LoadBalancer", {"enableDeletionProtection": True}, "enableDeletionProtection is on"),
    ],
)
def test_what_is_protected_is_not_deleted(stand: Stand, token: str, properties: Properties, said: str) -> None:
    """AWS refuses to delete what it is told to protect, and so does this; without protection it goes."""
    with pytest.raises(RefusedError, match=said):
        stand.provider.delete(named(token), "it", properties)
    stand.provider.delete(named(token), "it", {"skipFinalSnapshot": True})


def test_a_prefix_becomes_a_name(stand: Stand) -> None:
    """A name that the program only begins is known after the update, kept by the next one, and new in a replacement."""
    token = "aws:rds/parameterGroup:ParameterGroup"  # noqa: S105 a type token
    given: Properties = {"family": "postgres17", "namePrefix": "feedback-"}
    assert stand.create(token, given, preview=True)[1]["name"] is UNKNOWN
    first, made = stand.create(token, given)
    assert re.fullmatch(r"feedback-[0-9a-f]{26}", first)
    assert made["name"] == first
    assert str(made["arn"]).endswith(f":pg:{first}")
    changed: Properties = {**given, "tags": {"a": "b"}}
    for preview in (True, False):
        assert stand.provider.update(named(token), first, made, changed, preview=preview)["name"] == first
    newer: Properties = {**given, "family": "postgres18"}
    stand.provider.diff(named(token), first, Wanted(old=given, state=made, new=newer))
    assert stand.create(token, newer)[0] not in {first, "feedback-"}


@pytest.mark.parametrize(
    ("token", "one", "other"),
    [
        ("aws:acm/certificateValidation:CertificateValidation", {"certificateArn": "a"}, {"certificateArn": "b"}),
        ("aws:cloudwatch/eventTarget:EventTarget", {"rule": "r", "arn": "a"}, {"rule": "r", "arn": "b"}),
        (
            "aws:route53/record:Record",
            {"zoneId": "Z", "name": "n", "type": "A", "setIdentifier": "blue"},
            {"zoneId": "Z", "name": "n", "type": "A", "setIdentifier": "green"},
        ),
    ],
)
def test_things_that_are_alike_are_still_two(stand: Stand, token: str, one: Properties, other: Properties) -> None:
    """Two resources that AWS can tell apart have two ids."""
    assert stand.create(token, one, name="one")[0] != stand.create(token, other, name="other")[0]


def test_two_things_of_one_name_are_refused(stand: Stand) -> None:
    """AWS has one role of a name; the second says who made the first."""
    stand.create(ROLE, {"assumeRolePolicy": "{}", "name": "one"}, name="first")
    with pytest.raises(RefusedError, match="already exists: first made it"):
        stand.create(ROLE, {"assumeRolePolicy": "{}", "name": "one"}, name="second")


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (
            "aws:ec2/vpcs:Vpcs",
            r"no resource type aws:ec2/vpcs:Vpcs \(nor does pulumi_aws 7.51.1\); near: aws:ec2/vpc:Vpc",
        ),
        ("aws:sqs/queue:Queue", r"pulumi_aws 7.51.1 has it; add it to rehearsal/standin"),
    ],
)
def test_an_unknown_type_is_refused_by_name(stand: Stand, token: str, said: str) -> None:
    """A type that the stand-in does not know is named, with what is near, and whether the SDK has it."""
    with pytest.raises(RefusedError, match=said):
        stand.provider.check(named(token), None, {})


def test_reading_gives_the_state_or_makes_it_up(stand: Stand) -> None:
    """A refresh changes nothing; a resource that the program only looks up gets its outputs from its id."""
    resource_id, made = stand.create(VPC, {"cidrBlock": "10.0.0.0/16"})
    assert stand.provider.read(named(VPC), resource_id, made) == made
    found = stand.provider.read(named("aws:s3/bucket:Bucket"), "there", {})
    assert (found["bucket"], found["arn"]) == ("there", "arn:aws:s3:::there")


@pytest.mark.parametrize("key", ["allowedAccountIds", "forbiddenAccountIds"])
def test_the_wrong_account_is_refused(told: Told, key: str) -> None:
    """Configure fails, as the real provider does, where the credentials belong to another account."""
    listed = '["999988887777"]' if key == "allowedAccountIds" else f'["{ACCOUNT}"]'
    with pytest.raises(RefusedError, match=f"AWS account ID not allowed: {ACCOUNT}"):
        fresh(told).provider.configure({"region": "eu-central-1", key: listed})


def test_the_provider_needs_a_region(told: Told) -> None:
    """Without a region nothing can be said of a resource."""
    with pytest.raises(RefusedError, match="no region"):
        fresh(told).provider.configure({})


def test_the_providers_own_arguments_are_checked(stand: Stand) -> None:
    """Nested configuration arrives as JSON text and is checked like any argument."""
    good: Properties = {
        "region": "a",
        "allowedAccountIds": '["1"]',
        "defaultTags": '{"tags":{"a":"b"}}',
        "version": "7",
    }
    assert stand.provider.check_config(good)[1] == []
    wrong = stand.provider.check_config({"regoin": "a", "defaultTags": '{"tags":{"a":1}}'})[1]
    assert {failure.path for failure in wrong} == {"regoin", "defaultTags.tags.a"}


def test_an_image_is_never_built(told: Told) -> None:
    """An image's digest is unknown before the update, follows from its inputs after it, and not from credentials."""
    token, image = "docker-build:index:Image", fresh(told, "docker-build")
    inputs: Properties = {"push": True, "tags": ["registry/a:1"], "context": {"location": "."}}
    _, previewed = image.create(token, inputs, preview=True)
    assert previewed["digest"] is UNKNOWN
    assert previewed["ref"] is UNKNOWN
    _, made = image.create(token, inputs)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", str(made["digest"]))
    assert made["ref"] == f"registry/a:1@{made['digest']}"
    login: Value = [{"address": "registry", "password": Secret("p")}]
    assert image.create(token, {**inputs, "registries": login}, name="b")[1]["digest"] == made["digest"]
    assert image.create(token, {**inputs, "buildArgs": {"a": "b"}}, name="c")[1]["digest"] != made["digest"]
