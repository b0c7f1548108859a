"""What lies on disks of AWS is encrypted: databases, volumes, images, logs, messages, and secrets of Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.aws import CLUSTER, DATABASE, LAUNCH_TEMPLATE, LOG_GROUP, REPOSITORY, switched_on
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import any_of, negate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policies.node import Node

_STORAGE_CLASS: Final = "kubernetes:storage.k8s.io/v1:StorageClass"


def _flag(*path: str) -> Callable[[Node], Iterator[Expectation]]:
    def check(node: Node) -> Iterator[Expectation]:
        flag = node.at(*path)
        yield expect(flag, "be true", switched_on(flag))

    return check


def _key(name: str) -> Callable[[Node], Iterator[Expectation]]:
    def check(node: Node) -> Iterator[Expectation]:
        yield expect(node[name], "name a KMS key", negate(node[name].empty))

    return check


def _volumes(template: Node) -> Iterator[Expectation]:
    mappings = template["blockDeviceMappings"]
    yield expect(mappings, "say how the root volume is encrypted", negate(mappings.empty))
    for mapping in mappings.each():
        encrypted = mapping["ebs"]["encrypted"]
        yield expect(encrypted, "be true", switched_on(encrypted))


def _images(repository: Node) -> Iterator[Expectation]:
    found = repository["encryptionConfigurations"]
    by_key = any_of(each["encryptionType"].equals("KMS") for each in found.each())
    yield expect(found, "be of type KMS", by_key)


def _secrets(cluster: Node) -> Iterator[Expectation]:
    config = cluster["encryptionConfig"]
    named = any_of(each.equals("secrets") for each in config["resources"].each())
    yield expect(config["resources"], "hold secrets", named)
    key = config["provider"]["keyArn"]
    yield expect(key, "name a KMS key", negate(key.empty))


def _claims(storage_class: Node) -> Iterator[Expectation]:
    on_ebs = storage_class["provisioner"].equals("ebs.csi.aws.com")
    encrypted = storage_class["parameters"]["encrypted"]
    yield expect(encrypted, "be true", any_of([negate(on_ebs), encrypted.equals("true")]))


_CHECKS: Final[dict[str, Callable[[Node], Iterator[Expectation]]]] = {
    CLUSTER: _secrets,
    DATABASE: _flag("storageEncrypted"),
    LAUNCH_TEMPLATE: _volumes,
    LOG_GROUP: _key("kmsKeyId"),
    REPOSITORY: _images,
    _STORAGE_CLASS: _claims,
    "aws:ebs/volume:Volume": _flag("encrypted"),
    "aws:sns/topic:Topic": _key("kmsMasterKeyId"),
}


def _check(resource: Resource) -> Iterator[Expectation]:
    return _CHECKS[resource.type](resource.node)


RULE = ResourceRule(
    name="aws-encryption",
    title="Databases, volumes, images, logs, topics and Kubernetes secrets on AWS are encrypted at rest.",
    remedy="give it a key of infra.aws.keys.EncryptionKey, or set encrypted: true",
    applies=lambda token: token in _CHECKS,
    check=_check,
)
