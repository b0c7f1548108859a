"""Secrets of AWS as files of pods, through the Secrets Store CSI driver and its AWS provider (a managed add-on).

The driver reads a secret with the role of the pod that mounts it, asks again every few minutes, and swaps the files
when it has changed: a process that reads them at each use follows a rotation without a restart. No copy of it becomes
a Kubernetes Secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import yaml
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import CSIVolumeSourceArgs, VolumeArgs, VolumeMountArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra import naming

if TYPE_CHECKING:
    from collections.abc import Sequence

DRIVER = "secrets-store.csi.k8s.io"
_FOLDER = "/var/run/secrets/inferstack"


@dataclass(frozen=True, kw_only=True)
class MountedSecret:
    """A secret that pods of its namespace may mount.

    Attributes:
        name: of the SecretProviderClass, and of the volume.
        path: the folder in the container; it has a file for each field.
    """

    name: str
    path: str

    def volume(self) -> VolumeArgs:
        """For the pod."""
        return VolumeArgs(
            name=self.name,
            csi=CSIVolumeSourceArgs(
                driver=DRIVER, read_only=True, volume_attributes={"secretProviderClass": self.name}
            ),
        )

    def mount(self) -> VolumeMountArgs:
        """For the container."""
        return VolumeMountArgs(name=self.name, mount_path=self.path, read_only=True)


@dataclass(frozen=True, kw_only=True)
class SecretFilesArgs:
    """What files come from which secret.

    Attributes:
        environment: the stack.
        namespace: of the pods that mount them.
        secret_arn: a secret of Secrets Manager that holds a JSON object.
        fields: keys of the object; each becomes a file of its name.
        region: of the secret.
    """

    environment: str
    namespace: pulumi.Input[str]
    secret_arn: pulumi.Input[str]
    fields: Sequence[str]
    region: str


class SecretFiles(pulumi.ComponentResource):
    """A SecretProviderClass; it holds the name of a secret and nothing of its value.

    Attributes:
        mounted: what pods mount it by.
    """

    mounted: MountedSecret

    def __init__(self, name: str, args: SecretFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:SecretFiles", name, None, opts)
        fields = [{"path": field, "objectAlias": field} for field in args.fields]
        objects = pulumi.Output.from_input(args.secret_arn).apply(
            lambda arn: yaml.safe_dump([{"objectName": arn, "jmesPath": fields}], sort_keys=False)
        )
        CustomResource(
            name,
            api_version="secrets-store.csi.x-k8s.io/v1",
            kind="SecretProviderClass",
            metadata=ObjectMetaArgs(name=name, namespace=args.namespace, labels=naming.labels(name, args.environment)),
            spec={
                "provider": "aws",
                "parameters": {"region": args.region, "usePodIdentity": "true", "objects": objects},
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.mounted = MountedSecret(name=name, path=f"{_FOLDER}/{name}")
        self.register_outputs({})
