"""Whom a drill is about: one slot of one service of the local stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from infra import naming, routing
from local import record
from local.errors import ClusterError
from local.pods import is_ready

if TYPE_CHECKING:
    from infra.settings import Settings
    from local.api import Api, Json
    from local.paths import Paths

PODS = f"/api/v1/namespaces/{naming.SERVICES_NAMESPACE}/pods"
PORT = 8080
"""Of serving pods."""
MARK = f"{naming.DOMAIN}/fault"
"""The annotation of what a drill made or changed: the kind of fault, by which it is found and undone."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A slot that serves.

    Attributes:
        service: for example ``sentiment``.
        slot: the one with the most weight, for example ``stable``.
        endpoint: the service's address at the gateway, for example ``http://127.0.0.1:30080/sentiment``.
    """

    service: str
    slot: str
    endpoint: str

    @property
    def name(self) -> str:
        """Of the slot's Deployment and Service, for example ``sentiment-stable``."""
        return naming.slot_name(self.service, self.slot)

    @classmethod
    def of(cls, wanted: Settings, paths: Paths, service: str | None = None) -> Self:
        """A service of the stack, the first one where none is named.

        Raises:
            ClusterError: there is no such service, or the embedded cluster is not up.
        """
        cluster = record.read(paths)
        if cluster is None:
            raise ClusterError("the embedded cluster is not up: run `make up`")
        services = {one.name: one for one in wanted.services}
        if not services or (service is not None and service not in services):
            known = ", ".join(services) or "none"
            raise ClusterError(f"Pulumi.local.yaml has no service {service or 'at all'}; there are: {known}")
        chosen = services[service] if service else wanted.services[0]
        slot, _ = max(chosen.release.slots(), key=lambda each: each[1].weight)
        endpoint = f"http://127.0.0.1:{cluster['gateway_port']}{routing.public_prefix(chosen.name)}"
        return cls(service=chosen.name, slot=slot, endpoint=endpoint)


def pods(api: Api, target: Target) -> list[Json]:
    """The ready pods that the slot's Deployment made.

    Raises:
        ClusterError: there are none.
    """
    selector = f"{naming.SERVICE_LABEL}={target.service},{naming.SLOT_LABEL}={target.slot}"
    found = [pod for pod in api.get(f"{PODS}?labelSelector={selector}")["items"] if is_ready(pod)]
    if not found:
        raise ClusterError(f"no pod of {target.name} is ready: run `make up`, then try again")
    return found


def marked(objects: list[Json], kind: str) -> list[Json]:
    """Those that a drill of this kind made or changed."""
    return [each for each in objects if each["metadata"].get("annotations", {}).get(MARK) == kind]
