"""The password of the database, from RDS to a file of a pod: every link of the chain is the same secret and account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra.kubernetes.secrets_store import DRIVER
from serving.settings import Settings
from tests.infra.stacks import ON_AWS, declare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.parametrize("stack", ON_AWS)


def _of(stack: str, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for each in declare(stack):
        if each.type.endswith(f":{kind}"):
            yield each.name, each.inputs


def _mounting(stack: str) -> dict[str, Mapping[str, Any]]:
    """Pods that mount a secret, by the name of their Deployment."""
    pods = {name: inputs["spec"]["template"]["spec"] for name, inputs in _of(stack, "Deployment")}
    return {
        name: pod
        for name, pod in pods.items()
        if any(volume.get("csi", {}).get("driver") == DRIVER for volume in pod.get("volumes", []))
    }


def test_pods_mount_the_secret_that_rds_made(stack: str) -> None:
    """What the pods of a service mount is the class that names the database's own secret, user and password."""
    (_, made), *others = _of(stack, "SecretProviderClass")
    assert others == []
    (item,) = yaml.safe_load(made["spec"]["parameters"]["objects"])
    assert item["objectName"].endswith(":secret:database")
    assert [field["path"] for field in item["jmesPath"]] == ["username", "password"]
    pods = _mounting(stack)
    assert pods
    for pod in pods.values():
        (volume,) = (each for each in pod["volumes"] if "csi" in each)
        assert volume["csi"]["volumeAttributes"] == {"secretProviderClass": made["metadata"]["name"]}


def test_their_role_may_read_it(stack: str) -> None:
    """The account of each of these pods has a role by pod identity that may read that secret, and no other."""
    roles = {
        (inputs["namespace"], inputs["serviceAccount"]): inputs["roleArn"]
        for _, inputs in _of(stack, "PodIdentityAssociation")
    }
    policies = {name: json.loads(inputs["policy"])["Statement"] for name, inputs in _of(stack, "RolePolicy")}
    for pod in _mounting(stack).values():
        role: str = roles["inferstack", pod["serviceAccountName"]].rpartition("/")[2]
        (readable,) = (
            statement["Resource"]
            for statement in policies[role]
            if "secretsmanager:GetSecretValue" in statement["Action"]
        )
        # IAM lets be one value what may be a list.
        (secret,) = [readable] if isinstance(readable, str) else readable
        assert secret.endswith(":secret:database")


def test_a_rotation_reaches_running_pods(stack: str) -> None:
    """The driver reads anew what has rotated; a pod sees it, since it mounts the folder and copies nothing of it."""
    (configuration,) = (
        json.loads(inputs["configurationValues"])
        for _, inputs in _of(stack, "Addon")
        if inputs["addonName"] == "aws-secrets-store-csi-driver-provider"
    )
    assert configuration["secrets-store-csi-driver"]["enableSecretRotation"] is True
    assert configuration["secrets-store-csi-driver"]["syncSecret"]["enabled"] is False
    for pod in _mounting(stack).values():
        mounts = [each for container in pod["containers"] for each in container["volumeMounts"]]
        (mount,) = (each for each in mounts if each["name"] == "database")
        # A file that is mounted by subPath keeps what was in it when the container started.
        assert "subPath" not in mount
        assert mount["readOnly"] is True
        assert not any("valueFrom" in variable for each in pod["containers"] for variable in each.get("env", []))


def test_the_password_is_nowhere_else(stack: str) -> None:
    """RDS makes it and rotates it: the program neither sets one nor knows one."""
    (instance,) = (each.inputs for each in declare(stack) if each.type == "aws:rds/instance:Instance")
    assert instance["manageMasterUserPassword"] is True
    assert not {"password", "passwordWo"} & instance.keys()


def test_pods_know_where_the_database_is(stack: str) -> None:
    """A pod is told the address of the instance without user or password, and the folder that it mounts them in."""
    for pod in _mounting(stack).values():
        (container,) = pod["containers"]
        told = {variable["name"]: variable["value"] for variable in container["env"]}
        assert told["SERVING_DATABASE_URL"] == "postgresql+psycopg://database.example:5432/feedback?sslmode=require"
        (mount,) = (each for each in container["volumeMounts"] if each["name"] == "database")
        assert told["SERVING_DATABASE_CREDENTIALS_DIR"] == mount["mountPath"]
        Settings.from_environment({name: value for name, value in told.items() if name.startswith("SERVING_")})
