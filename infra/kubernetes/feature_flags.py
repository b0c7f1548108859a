"""Feature flags of a service: a ConfigMap that its pods mount, and read again when it changes without starting anew.

The slots of a service share it: a release compares versions, not settings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pulumi_kubernetes.core.v1 import ConfigMap, ConfigMapVolumeSourceArgs, VolumeArgs, VolumeMountArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

if TYPE_CHECKING:
    import pulumi

    from infra.kubernetes.scope import Scope
    from infra.settings import Service

_FOLDER: Final = "/flags"
_FILE: Final = "flags.json"
_VOLUME: Final = "flags"


def config_map(service: Service, scope: Scope) -> pulumi.Output[str] | None:
    """Declare the flags of a service; give the name of the ConfigMap, or None for a service without any."""
    if service.flags is None:
        return None
    name = f"{service.name}-flags"
    made = ConfigMap(
        name,
        metadata=ObjectMetaArgs(name=name, namespace=scope.namespace, labels=scope.labels(name)),
        data={_FILE: document(service.flags)},
        opts=scope.child(),
    )
    return made.metadata.name


def document(flags: dict[str, bool | float | str]) -> str:
    """The file that says so, in flagd's format."""
    defined = {
        name: {"state": "ENABLED", "variants": {"set": value}, "defaultVariant": "set"}
        for name, value in sorted(flags.items())
    }
    return json.dumps({"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": defined}, indent=2)


def environment(config_map: pulumi.Input[str] | None) -> dict[str, str]:
    """The variable that says where the file is."""
    return {} if config_map is None else {"SERVING_FLAGS_FILE": f"{_FOLDER}/{_FILE}"}


def volumes(config_map: pulumi.Input[str] | None) -> list[VolumeArgs]:
    """The volume with the file."""
    if config_map is None:
        return []
    return [VolumeArgs(name=_VOLUME, config_map=ConfigMapVolumeSourceArgs(name=config_map))]


def mounts(config_map: pulumi.Input[str] | None) -> list[VolumeMountArgs]:
    """Where it is: a whole folder, because a file that is mounted alone would never change."""
    return [] if config_map is None else [VolumeMountArgs(name=_VOLUME, mount_path=_FOLDER, read_only=True)]
