"""The composition root: a table of contents of the platform."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pulumi

from infra import capacity, change_facts, cluster, deployed, images, platform, routing
from infra.catalogue import check_versions
from infra.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from infra.aws.foundation import Foundation
    from infra.settings import Settings


class Stack:
    """Everything of one environment: the cluster and what it stands on, the images, what runs on it.

    Attributes:
        outputs: what ``pulumi stack output`` shows.
    """

    outputs: dict[str, Any]

    def __init__(self, settings: Settings, *, environment: str, root: Path) -> None:
        """Declare everything.

        Args:
            settings: the stack's, checked.
            environment: the stack's name.
            root: the root of the project.

        Raises:
            SettingsError: the settings name a version that no one built, a state of a release that is not one step
                from what is deployed, more GPUs than there are, a cluster that does not run, or credentials of
                another account.
        """
        source = root / f"Pulumi.{environment}.yaml"
        check_versions(settings, source=source, root=root)
        changes = deployed.changes(settings, stack=environment, source=source, now=datetime.now(tz=UTC))
        rules = change_facts.in_force(settings)
        changes = change_facts.proven(changes, rules, source=source, root=root)
        for service, change in changes.items():
            if change.is_new:
                pulumi.log.info(f"{service}: {change.sentence()}")
        if shortage := capacity.shortage(settings, source=source):
            raise SettingsError(shortage)

        foundation = _foundation(settings, environment=environment, source=source)
        access = foundation.access if foundation else cluster.connect(settings, root=root)
        pulled = images.platform_images(
            settings.cluster,
            access,
            root=root,
            scaled=any(service.autoscaling for service in settings.services),
        )
        built = images.ServingImages(
            settings=settings,
            access=access,
            base=pulled.base,
            root=root,
            after=[foundation.registry] if foundation else [],
            find=foundation.find_image if foundation and not foundation.builds else None,
        )
        serving = {
            (service.name, version): built.reference(service, version)
            for service in settings.services
            for version in service.versions()
        }

        releases = platform.declare(
            platform.PlatformArgs(
                settings=settings,
                environment=environment,
                root=root,
                foundation=foundation,
                access=access,
                images=pulled,
                serving=serving,
                changes=changes,
                facts={
                    service.name: change_facts.facts(
                        settings, service, rules=rules, change=changes[service.name], root=root
                    )
                    for service in settings.services
                },
            )
        )
        self.outputs = {
            "endpoints": {
                service.name: pulumi.Output.concat(access.entry, routing.public_prefix(service.name))
                for service in settings.services
            },
            "images": {f"{service}:{version}": image for (service, version), image in serving.items()},
            deployed.OUTPUT: releases,
        }


def _foundation(settings: Settings, *, environment: str, source: Path) -> Foundation | None:
    if settings.aws is None:
        return None
    # Imported here: the AWS SDK takes half a second, which stacks elsewhere need not wait for.
    from infra.aws.foundation import Foundation  # noqa: PLC0415

    return Foundation(settings, environment=environment, source=source)
