"""The database of feedback."""

from __future__ import annotations

import json

import pytest

from infra.aws.database import Database, DatabaseArgs
from infra.settings import Database as DatabaseSettings
from tests.infra.aws.recorder import ACCOUNT, REGION, Recording, record

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/database"


def _declare(*, protect: bool = True, version: str = "17.6", made: list[Database] | None = None) -> Recording:
    def program() -> None:
        component = Database(
            "feedback",
            DatabaseArgs(
                environment="prod",
                database=DatabaseSettings(
                    version=version, instance_class="db.m7g.large", storage_gib=100, multi_az=True, backup_days=35
                ),
                vpc_id="vpc-1",
                subnet_ids=["subnet-a", "subnet-b"],
                clients={"cluster": "sg-cluster"},
                key_arn=KEY,
                protect=protect,
            ),
        )
        if made is not None:
            made.append(component)

    return record(program)


@pytest.fixture(scope="module")
def declared() -> Recording:
    """The database of prod."""
    return _declare()


def test_the_instance_is_what_the_settings_say(declared: Recording) -> None:
    """Version, class, size, standby and backups come from the stack file."""
    instance = declared.one("rds/instance:Instance")
    expected = {
        "engine": "postgres",
        "engineVersion": "17.6",
        "instanceClass": "db.m7g.large",
        "allocatedStorage": 100,
        "storageType": "gp3",
        "multiAz": True,
        "backupRetentionPeriod": 35,
        "identifier": "inferstack-prod-feedback",
    }
    assert {key: instance[key] for key in expected} == expected


def test_no_password_is_anywhere(declared: Recording) -> None:
    """AWS makes the password and keeps it in a secret with the stack's key; the program never has one."""
    instance = declared.one("rds/instance:Instance")
    assert instance["manageMasterUserPassword"] is True
    assert instance["masterUserSecretKmsKeyId"] == KEY
    for each in declared:
        keys = {key.lower() for key in each.inputs} - {"managemasteruserpassword"}
        assert not [key for key in keys if "password" in key], each.name
    assert "password" not in json.dumps([each.inputs for each in declared]).lower().replace(
        "managemasteruserpassword", ""
    )


def test_data_at_rest_and_on_its_way_is_encrypted(declared: Recording) -> None:
    """Storage and insights use the stack's key, and the server refuses a connection without TLS."""
    instance = declared.one("rds/instance:Instance")
    assert instance["storageEncrypted"] is True
    assert instance["kmsKeyId"] == instance["performanceInsightsKmsKeyId"] == KEY
    group = declared.one("ParameterGroup")
    assert group["family"] == "postgres17"
    (parameter,) = group["parameters"]
    assert (parameter["name"], parameter["value"]) == ("rds.force_ssl", "1")


def test_only_the_cluster_reaches_it(declared: Recording) -> None:
    """It is in private subnets without a public address; the cluster's group comes in on its port, nothing goes out."""
    instance = declared.one("rds/instance:Instance")
    assert instance["publiclyAccessible"] is False
    assert declared.one("rds/subnetGroup:SubnetGroup")["subnetIds"] == ["subnet-a", "subnet-b"]
    (rule,) = declared.of("SecurityGroupIngressRule")
    assert rule.inputs["referencedSecurityGroupId"] == "sg-cluster"
    assert (rule.inputs["fromPort"], rule.inputs["toPort"], rule.inputs["ipProtocol"]) == (5432, 5432, "tcp")
    assert "cidrIpv4" not in rule.inputs
    assert declared.of("SecurityGroupEgressRule") == []
    assert instance["vpcSecurityGroupIds"] == [rule.inputs["securityGroupId"]]


def test_a_protected_database_is_not_lost_by_mistake() -> None:
    """Where it is protected, Pulumi and AWS both refuse to delete it, and a deletion would leave a last snapshot."""
    declared = _declare()
    instance = declared.one("rds/instance:Instance")
    assert declared.protected("rds/instance:Instance") == ["feedback"]
    assert instance["deletionProtection"] is True
    assert instance["skipFinalSnapshot"] is False
    assert instance["finalSnapshotIdentifier"] == "inferstack-prod-feedback-final"
    assert instance["deleteAutomatedBackups"] is False
    assert instance["copyTagsToSnapshot"] is True
    # Changes that restart it wait for the maintenance window.
    assert instance["applyImmediately"] is False


def test_a_database_of_development_goes_without_a_trace() -> None:
    """Where it is not protected, it can be deleted at once, and changes come at once."""
    declared = _declare(protect=False)
    instance = declared.one("rds/instance:Instance")
    assert declared.protected("rds/instance:Instance") == []
    assert instance["deletionProtection"] is False
    assert instance["skipFinalSnapshot"] is True
    assert "finalSnapshotIdentifier" not in instance
    assert instance["applyImmediately"] is True


def test_a_new_major_version_has_parameters_of_its_own() -> None:
    """The parameter group has the version's family, and a name that lets the new one exist beside the old."""
    group = _declare(version="18.1").one("ParameterGroup")
    assert group["family"] == "postgres18"
    assert group["namePrefix"] == "inferstack-prod-feedback-postgres18-"
    assert "name" not in group


def test_pods_are_told_where_it_is_and_where_the_password_is() -> None:
    """The component gives address, port, database and the ARN of the secret."""
    made, seen = list[Database](), list[str]()
    _declare(made=made)
    (database,) = made
    database.secret_arn.apply(seen.append)
    database.address.apply(seen.append)
    assert (database.port, database.database) == (5432, "feedback")
