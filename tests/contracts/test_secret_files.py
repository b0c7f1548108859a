"""Secrets, from where they are made to a file of a pod: every link of the chain is the same secret and account.

They are the password of the database, which RDS makes, and the URLs of receivers of alerts, which people make.
"""

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


def _readable(stack: str, account: tuple[str, str]) -> list[str]:
    """The secrets that pods of an account may read."""
    (role,) = (
        inputs["roleArn"].rpartition("/")[2]
        for _, inputs in _of(stack, "PodIdentityAssociation")
        if (inputs["namespace"], inputs["serviceAccount"]) == account
    )
    (policy,) = (json.loads(inputs["policy"]) for name, inputs in _of(stack, "RolePolicy") if name == role)
    (readable,) = (
        statement["Resource"]
        for statement in policy["Statement"]
        if "secretsmanager:GetSecretValue" in statement["Action"]
    )
    # IAM lets be one value what may be a list.
    return [readable] if isinstance(readable, str) else readable


def test_pods_mount_the_secret_that_rds_made(stack: str) -> None:
    """What the pods of a service mount is the class that names the database's own secret, user and password."""
    (made,) = (inputs for name, inputs in _of(stack, "SecretProviderClass") if name == "database")
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
    for pod in _mounting(stack).values():
        (secret,) = _readable(stack, ("inferstack", pod["serviceAccountName"]))
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


def test_alertmanager_finds_the_urls_of_its_receivers(stack: str) -> None:
    """Each file that its configuration names is one that its pod mounts, from a secret that its role may read."""
    ((_, alertmanager),) = (each for each in _of(stack, "StatefulSet") if each[0] == "alertmanager")
    pod = alertmanager["spec"]["template"]["spec"]
    (text,) = (
        inputs["data"]["alertmanager.yaml"] for name, inputs in _of(stack, "ConfigMap") if name == "alertmanager"
    )
    named = {
        entry[key]
        for receiver in yaml.safe_load(text)["receivers"]
        for kind, key in (("slack_configs", "api_url_file"), ("webhook_configs", "url_file"))
        for entry in receiver.get(kind, [])
        if key in entry
    }
    classes = {
        inputs["metadata"]["name"]: inputs["spec"]["parameters"] for _, inputs in _of(stack, "SecretProviderClass")
    }
    (container,) = pod["containers"]
    folders = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    mounted, secrets = set[str](), set[str]()
    for volume in pod["volumes"]:
        if "csi" in volume:
            wanted = classes[volume["csi"]["volumeAttributes"]["secretProviderClass"]]
            (item,) = yaml.safe_load(wanted["objects"])
            mounted |= {f"{folders[volume['name']]}/{field['path']}" for field in item["jmesPath"]}
            secrets.add(item["objectName"])
    assert named == mounted
    if secrets:
        account = alertmanager["metadata"]["namespace"], pod["serviceAccountName"]
        assert set(_readable(stack, account)) == secrets
    assert bool(secrets) == (stack != "dev")
