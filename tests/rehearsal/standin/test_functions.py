"""What the stand-in answers for functions."""

import gzip
import json
import re
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import pytest

from rehearsal.standin import offerings
from rehearsal.standin.functions import KNOWN
from rehearsal.standin.policy_document import render
from rehearsal.standin.provider import RefusedError
from rehearsal.standin.sdk import Sdk
from rehearsal.standin.values import UNKNOWN, Properties, Secret, Value
from tests.rehearsal.standin.conftest import ACCOUNT, REGION, Stand

OFFERINGS = "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"
POLICY = "aws:iam/getPolicyDocument:getPolicyDocument"
IMAGE = "aws:ecr/getImage:getImage"
ARGS: dict[str, Properties] = {
    IMAGE: {"repositoryName": "inferstack/sentiment", "imageTag": "1.0.0-cpu"},
    POLICY: {"statements": [{"actions": ["s3:GetObject"], "resources": ["*"]}]},
    "aws:secretsmanager/getSecret:getSecret": {"name": "inferstack-prod-slack"},
    "aws:ssm/getParameter:getParameter": {"name": "/aws/service/eks/optimized-ami/1.34/al2023/x86_64/image_id"},
    "aws:eks/getAddonVersion:getAddonVersion": {"addonName": "vpc-cni", "kubernetesVersion": "1.34"},
    "aws:route53/getZone:getZone": {"name": "example.com"},
}


@pytest.mark.parametrize("token", KNOWN)
def test_every_function_answers_in_the_sdks_words(stand: Stand, token: str) -> None:
    """What comes back has the SDK's names, the same each time, and leaves out nothing that has no argument."""
    shape = Sdk("pulumi_aws").function(token)
    result = stand.invoke(token, ARGS.get(token, {}))
    assert set(result) <= set(shape.results) | set(shape.arguments)
    assert set(shape.results) - set(result) - set(shape.arguments) <= {
        "groupNames",
        "tags",
        "linkedServiceDescription",
        "linkedServicePrincipal",
        "enableAcceleratedRecovery",
    }
    assert result == stand.invoke(token, ARGS.get(token, {}))


def test_the_caller_is_who_the_rehearsal_says(stand: Stand) -> None:
    """The account check of the program sees the account that the rehearsal names."""
    assert stand.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})["accountId"] == ACCOUNT
    assert stand.invoke("aws:index/getRegion:getRegion", {})["region"] == REGION


@pytest.mark.parametrize(
    ("instance_type", "zones"), [("p4de.24xlarge", ["a", "c"]), ("g5.xlarge", ["a", "b", "c"]), ("p9.48xlarge", [])]
)
def test_offerings_are_ec2s(stand: Stand, instance_type: str, zones: list[str]) -> None:
    """A type is offered in the zones of EC2's own table, and a type that is not there in none."""
    filters: Value = [{"name": "instance-type", "values": [instance_type]}]
    found = stand.invoke(OFFERINGS, {"locationType": "availability-zone", "filters": filters})
    assert found["locations"] == [f"{REGION}{zone}" for zone in zones]
    assert found["instanceTypes"] == [instance_type] * len(zones)


def test_the_offerings_are_those_that_moto_carries() -> None:
    """The data file says the same as its source."""
    spec = find_spec("moto")
    assert spec is not None
    assert spec.origin is not None
    data = json.loads(Path(offerings.__file__).with_name("offerings.json").read_text())
    for region, listed in data["regions"].items():
        folder = Path(spec.origin).parent / "ec2/resources/instance_type_offerings/availability-zone"
        zones: dict[str, set[str]] = defaultdict(set)
        for entry in json.loads(gzip.decompress((folder / f"{region}.json.gz").read_bytes())):
            family, _, size = entry["InstanceType"].partition(".")
            letter = entry["Location"].removeprefix(region)
            if family in data["families"] and "metal" not in size and len(letter) == 1:
                zones[entry["InstanceType"]].add(letter)
        ours = {name: set(letters) for letters, names in listed["offered"].items() for name in names}
        assert ours == zones, region


def test_a_policy_document_is_rendered_as_the_provider_does() -> None:
    """One value stands alone, several in falling order, statements of one Sid replace each other."""
    text, minified = render(
        {
            "statements": [
                {
                    "sid": "Read",
                    "actions": ["s3:GetObject", "s3:ListBucket"],
                    "resources": ["arn:aws:s3:::b"],
                    "principals": [{"type": "AWS", "identifiers": ["111122223333"]}],
                    "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]}],
                },
                {
                    "sid": "Read",
                    "effect": "Deny",
                    "notActions": ["*"],
                    "principals": [{"type": "*", "identifiers": ["*"]}],
                },
            ],
            "sourcePolicyDocuments": ['{"Statement": {"Sid": "First", "Effect": "Allow"}}'],
        }
    )
    assert json.loads(text) == json.loads(minified)
    assert json.loads(text) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "First", "Effect": "Allow"},
            {"Sid": "Read", "Effect": "Deny", "NotAction": "*", "Principal": "*"},
        ],
    }
    single = json.loads(render({"statements": [{"actions": ["a:1", "a:2"], "resources": ["*"]}]})[0])
    assert single["Statement"] == [{"Effect": "Allow", "Action": ["a:2", "a:1"], "Resource": "*"}]


def test_the_image_of_a_tag_has_one_digest(stand: Stand) -> None:
    """Repository and tag give the digest; another tag gives another."""
    one = stand.invoke(IMAGE, ARGS[IMAGE])["imageDigest"]
    other = stand.invoke(IMAGE, {**ARGS[IMAGE], "imageTag": "1.0.1-cpu"})["imageDigest"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", str(one))
    assert one != other


def test_a_public_parameter_is_secret_and_a_private_one_unknown(stand: Stand) -> None:
    """EKS's images are answered, as a secret value; a team's own parameter cannot be."""
    token = "aws:ssm/getParameter:getParameter"  # noqa: S105 a type token
    found = stand.invoke(token, ARGS[token])
    assert isinstance(found["value"], Secret)
    assert re.fullmatch(r"ami-[0-9a-f]{17}", str(found["insecureValue"]))
    with pytest.raises(RefusedError, match="is not public"):
        stand.invoke(token, {"name": "/team/password"})


def test_unknown_functions_and_arguments_are_refused(stand: Stand) -> None:
    """A function that is not known is named with its neighbours; a wrong argument with its place."""
    with pytest.raises(RefusedError, match=r"no function aws:ec2/getAmi:getAmi \(pulumi_aws 7.51.1 has it"):
        stand.invoke("aws:ec2/getAmi:getAmi", {})
    with pytest.raises(RefusedError, match=r"nor does pulumi_aws .*near: aws:ecr/getImage:getImage"):
        stand.invoke("aws:ecr/getImag:getImag", {})
    _, failures = stand.provider.invoke(OFFERINGS, {"locationTypo": "region"})
    assert [failure.path for failure in failures] == ["locationTypo"]


def test_a_function_of_something_unknown_is_unknown(stand: Stand) -> None:
    """A preview that asks about what is not there yet learns that."""
    assert stand.invoke(IMAGE, {"repositoryName": UNKNOWN})["imageDigest"] is UNKNOWN
