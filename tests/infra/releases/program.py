"""A stack of releases and nothing else: their components with both states, and their records. It needs no cluster."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra import deployed, naming, settings
from infra.kubernetes.release_record import ReleaseRecord
from infra.settings.errors import SettingsError

config = pulumi.Config("test")
here = Path(os.environ["STACK_FOLDER"])
try:
    wanted = settings.from_pulumi("test", here)
    changes = deployed.changes(wanted, stack="test", source=here / "Pulumi.test.yaml", now=datetime.now(tz=UTC))
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

files = route_files = kubernetes.Provider("files", render_yaml_to_directory=str(here / "rendered"))
if config.get_bool("broken"):
    route_files = kubernetes.Provider("broken", render_yaml_to_directory="/proc/nothing/can/be/written/here")
metadata = ObjectMetaArgs(namespace="inferstack", labels=naming.labels("sentiment", "test"))

records = dict[str, ReleaseRecord]()
for service in wanted.services:
    told = changes[service.name].plain()
    if states := config.get_object("states"):
        # As a program would that somebody made to say what is not so.
        told |= states
    receipts = {
        version: {"service": service.name, "version": version, "model_digest": "0" * 64}
        for version in config.get_object("receipts") or service.versions()
    }
    release = pulumi.ComponentResource(
        "inferstack:kubernetes:ServiceRelease",
        service.name,
        {
            "service": service.name,
            "receipts": receipts,
            "changes": wanted.changes.model_dump(mode="json", exclude_none=True),
            **told,
        },
    )
    route = kubernetes.core.v1.ConfigMap(
        "route",
        metadata=metadata,
        data={"wanted": str(told["wanted"])},
        opts=pulumi.ResourceOptions(provider=route_files, parent=release),
    )
    records[service.name] = ReleaseRecord(
        service.name,
        changes[service.name],
        metadata=metadata,
        opts=pulumi.ResourceOptions(provider=files, parent=release, depends_on=[route]),
    )
pulumi.export(deployed.OUTPUT, {name: record.deployed for name, record in records.items()})
