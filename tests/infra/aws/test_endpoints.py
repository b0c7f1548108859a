"""Ways to services of AWS that do not lead over the internet."""

from __future__ import annotations

import pytest

from infra import settings
from infra.aws.endpoints import Endpoints, EndpointsArgs
from tests.infra.aws.recorder import ACCOUNT, REGION, Recording, account, record, statements

ALWAYS = {"ecr.api", "ecr.dkr", "sts", "logs"}


def _declare(tier: str) -> Recording:
    return record(
        lambda: Endpoints(
            "endpoints",
            EndpointsArgs(
                environment="prod",
                aws=account(tier=tier),
                vpc_id="vpc",
                subnet_ids=["subnet-a", "subnet-b", "subnet-c"],
                route_table_ids=["table-a", "table-b"],
            ),
        )
    )


def _interfaces(declared: Recording) -> dict[str, dict[str, object]]:
    return {
        each.inputs["serviceName"].removeprefix(f"com.amazonaws.{REGION}."): each.inputs
        for each in declared.of("VpcEndpoint")
        if each.inputs["vpcEndpointType"] == "Interface"
    }


@pytest.mark.parametrize("tier", ["staging", "production"])
def test_nodes_and_pods_do_without_nat(tier: str) -> None:
    """In staging and production images, credentials, logs, joining and secrets use endpoints in every zone."""
    found = _interfaces(_declare(tier))
    assert found.keys() == ALWAYS | {"ec2", "eks-auth", "secretsmanager"}
    assert all(each["subnetIds"] == ["subnet-a", "subnet-b", "subnet-c"] for each in found.values())


def test_development_pays_for_the_least() -> None:
    """Development has what nodes use all the time, in one zone."""
    found = _interfaces(_declare("development"))
    assert found.keys() == ALWAYS
    assert all(each["subnetIds"] == ["subnet-a"] for each in found.values())


def test_services_are_found_under_their_own_names_and_from_the_vpc_only() -> None:
    """Endpoints have private names, and take HTTPS from the VPC's range and nothing else."""
    declared = _declare("production")
    assert all(each["privateDnsEnabled"] is True for each in _interfaces(declared).values())
    rule = declared.one("SecurityGroupIngressRule")
    assert (rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) == ("10.18.0.0/16", 443, 443)
    assert declared.of("SecurityGroupEgressRule") == []


def test_s3_is_reached_from_every_private_subnet_and_leads_nowhere_else() -> None:
    """The gateway serves all private tables; own buckets are open, of others only images' layers and packages."""
    (gateway,) = [each.inputs for each in _declare("production").of("VpcEndpoint") if each.name.endswith("-s3")]
    assert gateway["routeTableIds"] == ["table-a", "table-b"]
    policy = statements(gateway["policy"])
    assert policy["OwnBuckets"]["Condition"] == {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}
    assert policy["LayersAndPackages"]["Action"] == ["s3:GetObject"]
    assert all(REGION in bucket for bucket in policy["LayersAndPackages"]["Resource"])


def test_foreign_credentials_carry_nothing_out() -> None:
    """An interface takes requests of this account's principals; only a token may be traded for a role without any."""
    for service, endpoint in _interfaces(_declare("production")).items():
        policy = statements(str(endpoint["policy"]))
        assert policy.pop("OwnPrincipals")["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}
        if service == "sts":
            token = policy.pop("TokensForRoles")
            assert token["Action"] == ["sts:AssumeRoleWithWebIdentity"]
            assert token["Resource"] == f"arn:aws:iam::{ACCOUNT}:role/*"
        assert policy == {}


def test_the_settings_of_the_tests_are_a_stack() -> None:
    """What these tests pass is what a stack file may hold."""
    assert isinstance(account(tier="production"), settings.Aws)
