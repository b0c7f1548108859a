"""The pods of a service, as kubectl sees them."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drill.errors import DrillError
from infra import naming

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_NAMESPACE = naming.SERVICES_NAMESPACE
_POLL_SECONDS = 1.0
_READY_SECONDS = 240.0


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod that is not on its way out."""

    name: str
    slot: str
    ready: bool


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The cluster's user.

    Attributes:
        kubeconfig: of the embedded cluster.
        environment: in which kubectl is on PATH.
    """

    kubeconfig: Path
    environment: Mapping[str, str]

    def pods(self, service: str) -> list[Pod]:
        """The pods of a service's slots.

        Raises:
            DrillError: the cluster does not answer.
        """
        selector = f"{naming.SERVICE_LABEL}={service},{naming.SLOT_LABEL}"
        listed: dict[str, list[dict[str, Any]]] = json.loads(self._kubectl("get", "pods", "-l", selector, "-o", "json"))
        return [_pod(item) for item in listed["items"] if "deletionTimestamp" not in item["metadata"]]

    def delete(self, pod: Pod) -> None:
        """Have a pod end, as a drained node or an eviction would; do not wait for it."""
        self._kubectl("delete", "pod", pod.name, "--wait=false")

    def wait_ready(self, service: str, wanted: Mapping[str, int], *, stopped: Callable[[], bool]) -> float:
        """Wait until each slot has its pods, all ready.

        Args:
            service: whose.
            wanted: pods for each slot.
            stopped: asked now and then whether to give up.

        Returns:
            How many seconds that took.

        Raises:
            DrillError: it took too long.
        """
        begun = time.monotonic()
        ready: Mapping[str, int] = {}
        while time.monotonic() < begun + _READY_SECONDS and not stopped():
            ready = Counter(pod.slot for pod in self.pods(service) if pod.ready)
            if all(ready.get(slot, 0) >= number for slot, number in wanted.items()):
                return time.monotonic() - begun
            time.sleep(_POLL_SECONDS)
        raise DrillError(
            f"{service}: {dict(wanted)} pods were to be ready, {dict(ready)} are; `python -m local status`"
        )

    def _kubectl(self, *arguments: str) -> str:
        command = ("kubectl", "--kubeconfig", str(self.kubeconfig), "-n", _NAMESPACE, "--request-timeout=15s")
        answer = subprocess.run(
            [*command, *arguments], env=dict(self.environment), capture_output=True, text=True, check=False
        )
        if answer.returncode:
            raise DrillError(f"kubectl {' '.join(arguments[:2])}: {answer.stderr.strip()}")
        return answer.stdout


def _pod(item: dict[str, Any]) -> Pod:
    conditions: list[dict[str, str]] = item["status"].get("conditions", [])
    return Pod(
        name=item["metadata"]["name"],
        slot=item["metadata"]["labels"][naming.SLOT_LABEL],
        ready=any(each["type"] == "Ready" and each["status"] == "True" for each in conditions),
    )
