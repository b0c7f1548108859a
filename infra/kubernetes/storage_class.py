"""What a volume claim gets that names no class: an encrypted gp3 volume in the zone of its pod."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.storage.v1 import StorageClass

from infra import naming

NAME = "gp3"


@dataclass(frozen=True, kw_only=True)
class DefaultStorageArgs:
    """What the default class is made from.

    Attributes:
        environment: the stack.
        key_arn: the KMS key that volumes are encrypted with.
    """

    environment: str
    key_arn: pulumi.Input[str]


class DefaultStorage(pulumi.ComponentResource):
    """The default storage class.

    Attributes:
        name: of the class.
    """

    name: pulumi.Output[str]

    def __init__(self, name: str, args: DefaultStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:DefaultStorage", name, None, opts)
        made = StorageClass(
            NAME,
            metadata=ObjectMetaArgs(
                name=NAME,
                labels=naming.labels(NAME, args.environment),
                annotations={"storageclass.kubernetes.io/is-default-class": "true"},
            ),
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true", "kmsKeyId": args.key_arn},
            # A volume is in one zone: it is made when its pod's zone is known.
            volume_binding_mode="WaitForFirstConsumer",
            reclaim_policy="Delete",
            allow_volume_expansion=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = made.metadata.name
        self.register_outputs({"name": self.name})
