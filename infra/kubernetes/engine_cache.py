"""Where the engines of a service lie: a claim that its pods, on whatever nodes, mount at once (ADR 0011)."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import (
    CSIPersistentVolumeSourceArgs,
    ObjectReferenceArgs,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpecArgs,
    PersistentVolumeSpecArgs,
    ServiceAccount,
    VolumeResourceRequirementsArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra import naming
from infra.kubernetes.pods import NONROOT_UID

# What a claim asks for. A bucket has no size; other storage holds some dozens of engines in it.
_SIZE = "20Gi"
_MANY = "ReadWriteMany"


@dataclass(frozen=True, kw_only=True)
class EngineBucket:
    """Where engines lie in S3.

    Attributes:
        name: the bucket's.
        region: the bucket's.
        prefix: of the keys of all engines, without a slash at its end.
    """

    name: pulumi.Input[str]
    region: str
    prefix: str


@dataclass(frozen=True, kw_only=True)
class EngineCacheArgs:
    """What a cache is made from.

    Attributes:
        environment: the stack.
        namespace: of the pods that mount it.
        bucket: where engines lie; None for what the cluster's default storage class gives.
    """

    environment: str
    namespace: pulumi.Input[str]
    bucket: EngineBucket | None


class EngineCache(pulumi.ComponentResource):
    """The cache of one service.

    Attributes:
        claim: name of the volume claim.
        account: name of the service account that builds engines, and alone may write them.
    """

    claim: pulumi.Output[str]
    account: pulumi.Output[str]

    def __init__(self, service: str, args: EngineCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        name = naming.engines_name(service)
        super().__init__("inferstack:kubernetes:EngineCache", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        labels = {**naming.labels(name, args.environment), naming.SERVICE_LABEL: service}
        metadata = ObjectMetaArgs(name=name, namespace=args.namespace, labels=labels)
        account = ServiceAccount(name, metadata=metadata, automount_service_account_token=False, opts=child)
        volume = None
        if args.bucket is not None:
            volume = PersistentVolume(
                name,
                metadata=ObjectMetaArgs(name=name, labels=labels),
                spec=_volume(service, name, args.bucket, args.namespace),
                opts=child,
            )
        claim = PersistentVolumeClaim(
            name,
            metadata=metadata,
            spec=PersistentVolumeClaimSpecArgs(
                access_modes=[_MANY],
                # The empty name of a class means this very volume, and no class's.
                storage_class_name=None if volume is None else "",
                volume_name=None if volume is None else volume.metadata.name,
                resources=VolumeResourceRequirementsArgs(requests={"storage": _SIZE}),
            ),
            opts=child,
        )
        self.claim, self.account = claim.metadata.name, account.metadata.name
        self.register_outputs({"claim": self.claim, "account": self.account})


def _volume(service: str, name: str, bucket: EngineBucket, namespace: pulumi.Input[str]) -> PersistentVolumeSpecArgs:
    """A prefix of a bucket as a folder, with the rights of the service account of the pod that mounts it.

    Source: https://github.com/awslabs/mountpoint-s3-csi-driver/blob/main/docs/CONFIGURATION.md
    """
    return PersistentVolumeSpecArgs(
        access_modes=[_MANY],
        capacity={"storage": _SIZE},
        storage_class_name="",
        persistent_volume_reclaim_policy="Retain",
        claim_ref=ObjectReferenceArgs(name=name, namespace=namespace),
        mount_options=[
            f"prefix {bucket.prefix}/{service}/",
            f"region {bucket.region}",
            # The container's user is not the one that mounts.
            "allow-other",
            f"uid={NONROOT_UID}",
            f"gid={NONROOT_UID}",
            # A build that was cut off left files without a receipt.
            "allow-overwrite",
        ],
        csi=CSIPersistentVolumeSourceArgs(
            driver="s3.csi.aws.com",
            volume_handle=name,
            volume_attributes={"bucketName": bucket.name, "authenticationSource": "pod"},
        ),
    )
