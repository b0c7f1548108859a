"""What the cluster has of a service, asked by `kubectl`, which knows how to sign in to any cluster."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from infra import naming
from infra.settings import EksCluster, ExistingCluster
from rollout.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from infra.settings import Settings

_PROMETHEUS: Final = f"/api/v1/namespaces/{naming.MONITORING_NAMESPACE}/services/http:prometheus:9090/proxy/api/v1"
_SECONDS: Final = 30
_POLL_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class RunningSlot:
    """A slot as the cluster has it.

    Attributes:
        name: of the slot.
        version: that its pods are to run.
        wanted: how many pods.
        ready: how many of that version answer.
        settled: whether all of them do, and none of another version is left.
    """

    name: str
    version: str
    wanted: int
    ready: int
    settled: bool


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A service as the cluster has it.

    Attributes:
        slots: by name.
        weights: of the route, for requests that name no user; per cent by slot.
        accepted: whether the gateway has taken the route as it is now.
    """

    slots: Mapping[str, RunningSlot]
    weights: Mapping[str, int]
    accepted: bool


class Cluster:
    """The cluster of a stack.

    Args:
        settings: the stack's.
        stack: its name.
        project: the folder with the stack files, in which the embedded cluster keeps what it says of itself.
        environment: of `kubectl`.
    """

    def __init__(self, settings: Settings, *, stack: str, project: Path, environment: Mapping[str, str]) -> None:
        self._where = _where(settings, stack, project)
        self._environment = environment

    def see(self, service: str) -> Seen:
        """What there is of a service now.

        Raises:
            RolloutError: the cluster does not say.
        """
        label = f"{naming.SERVICE_LABEL}={service}"
        namespace = ("-n", naming.SERVICES_NAMESPACE, "-o", "json")
        deployments = json.loads(self._ask("get", "deployments", "-l", label, *namespace))["items"]
        routes = json.loads(self._ask("get", "httproutes", "-l", label, *namespace))["items"]
        slots = [_slot(each) for each in deployments if naming.SLOT_LABEL in each["metadata"]["labels"]]
        return Seen(
            slots={slot.name: slot for slot in slots},
            weights=_weights(routes[0], service) if routes else {},
            accepted=bool(routes) and all(map(_accepted, routes)),
        )

    def wait(self, service: str, slots: Collection[str], *, seconds: float) -> Seen:
        """Wait until these slots are settled and the gateway has taken the route.

        Raises:
            RolloutError: they were not in that time, with what is missing.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                seen = self.see(service)
            except RolloutError as error:  # one answer that does not come is no fault of the service
                what = str(error)
            else:
                missing = [name for name in slots if name not in seen.slots or not seen.slots[name].settled]
                if seen.accepted and not missing:
                    return seen
                what = f"not ready: {', '.join(missing)}" if missing else "the gateway has not taken the route"
            if time.monotonic() > end:
                raise RolloutError(f"{service} after {seconds:.0f} s: {what}. What it says: kubectl describe")
            time.sleep(_POLL_SECONDS)

    def query_range(self, query: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """Ask the stack's Prometheus, through the API server.

        Args:
            query: in PromQL.
            start: in seconds since 1970.
            end: likewise.
            step: seconds from one value to the next.

        Returns:
            The series, as Prometheus writes them: ``metric`` and ``values``.

        Raises:
            RolloutError: it does not answer, or not with series.
        """
        asked = urlencode({"query": query, "start": start, "end": end, "step": step})
        try:
            answer = json.loads(self._ask("get", "--raw", f"{_PROMETHEUS}/query_range?{asked}"))
            return answer["data"]["result"]
        except (ValueError, KeyError):
            raise RolloutError("Prometheus gave no series") from None

    def _ask(self, *arguments: str) -> str:
        tool = shutil.which("kubectl", path=self._environment.get("PATH"))
        if tool is None:
            raise RolloutError("kubectl is not on PATH. For the stack local: make tools; elsewhere: install it")
        try:
            answer = subprocess.run(
                [tool, *self._where, *arguments],
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RolloutError(f"the cluster did not answer in {_SECONDS} s") from None
        if answer.returncode:
            raise RolloutError(f"the cluster did not answer: {' '.join(answer.stderr.split())[:500]}")
        return answer.stdout


def _where(settings: Settings, stack: str, project: Path) -> Sequence[str]:
    """The arguments that name the cluster: never whichever one happens to be selected."""
    cluster = settings.cluster
    if isinstance(cluster, ExistingCluster):
        return (
            f"--context={cluster.context}",
            *((f"--kubeconfig={cluster.kubeconfig}",) if cluster.kubeconfig else ()),
        )
    if isinstance(cluster, EksCluster):
        aws = settings.aws
        assert aws is not None  # noqa: S101  # the settings allow this kind with no other
        # As `aws eks update-kubeconfig` names it.
        return (f"--context=arn:aws:eks:{aws.region}:{aws.account}:cluster/{naming.aws_name(stack)}",)
    try:
        known: dict[str, str] = json.loads((project / ".state" / "cluster" / "cluster.json").read_text("utf-8"))
        return (f"--context={known['context']}", f"--kubeconfig={known['kubeconfig']}")
    except (OSError, ValueError, KeyError):
        raise RolloutError("the embedded cluster does not run on this machine. Start it with: make cluster") from None


def _slot(deployment: Mapping[str, Any]) -> RunningSlot:
    metadata, spec, status = deployment["metadata"], deployment["spec"], deployment.get("status", {})
    wanted: int = spec.get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    observed = status.get("observedGeneration", 0) >= metadata["generation"]
    return RunningSlot(
        name=metadata["labels"][naming.SLOT_LABEL],
        version=spec["template"]["metadata"]["labels"].get("app.kubernetes.io/version", "?"),
        wanted=wanted,
        ready=min(updated, available) if observed else 0,
        settled=observed and updated == available == status.get("replicas", 0) == wanted,
    )


def _weights(route: Mapping[str, Any], service: str) -> dict[str, int]:
    """The weights of the first rule that looks at no header."""
    for rule in route["spec"]["rules"]:
        if not any(match.get("headers") for match in rule.get("matches", [])):
            backends: list[dict[str, Any]] = rule.get("backendRefs", [])
            return {each["name"].removeprefix(f"{service}-"): each.get("weight", 1) for each in backends}
    return {}


def _accepted(route: Mapping[str, Any]) -> bool:
    parents: list[dict[str, Any]] = route.get("status", {}).get("parents", [])
    generation = route["metadata"]["generation"]
    return bool(parents) and all(
        condition["status"] == "True" and condition.get("observedGeneration", generation) >= generation
        for parent in parents
        for condition in parent["conditions"]
        if condition["type"] in {"Accepted", "ResolvedRefs"}
    )
