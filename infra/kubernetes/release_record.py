"""The record of what is deployed of a service, written when its route is changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

if TYPE_CHECKING:
    from infra.release_states import Change

_KEY = "release.json"


class ReleaseRecord:
    """A ConfigMap that says which state of a release was reached, and by which step.

    The stack's outputs are read back from it, and so tell what was done and not what was wanted: an update that fails
    before it, or that is aimed at other resources, leaves it as it was.

    Attributes:
        deployed: the record, as :func:`infra.release_states.parse` reads it.
    """

    deployed: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, change: Change, *, metadata: ObjectMetaArgs, opts: pulumi.ResourceOptions) -> None:
        """Declare it.

        Args:
            name: the service's.
            change: whose end it records.
            metadata: namespace and labels.
            opts: what it comes after.
        """
        text = json.dumps(change.record(), sort_keys=True)
        record = ConfigMap(
            f"release-{name}",
            metadata=ObjectMetaArgs(name=f"release-{name}", namespace=metadata.namespace, labels=metadata.labels),
            data={_KEY: text},
            opts=opts,
        )
        # Of one that is not there yet, because the update is aimed at others, the engine gives back what was asked for.
        self.deployed = pulumi.Output.all(record.id, record.data).apply(
            lambda found: json.loads(found[1][_KEY]) if found[0] else {}
        )
