"""Contour as a process of this machine: the real controller judges Gateways and routes, by the API server alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from local.api import Api, ApiError
from local.control_plane import Component, go_environment
from local.paths import write_private
from rehearsal.control_plane import launch

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

    from rehearsal.folder import Folder

Json = dict[str, Any]
PORT_NAMES = ("contour-xds", "contour-health", "contour-metrics", "contour-debug")
_CONTROLLER = "projectcontour.io/gateway-controller"
_GATEWAYS = "/apis/gateway.networking.k8s.io/v1"
_NOT_FOUND = 404
# Kinds that Contour watches unless it is told that no one defined them.
_OPTIONAL = ("extensionservices", "tlsroutes", "grpcroutes", "tcproutes", "backendtlspolicies")


class Contour:
    """Contour, started when there is a Gateway of a class that names it."""

    def __init__(self, api: Api, folder: Folder, *, program: Path, ports: Mapping[str, int]) -> None:
        self._api = api
        self._folder = folder
        self._program = program
        self._ports = ports
        self._process: subprocess.Popen[bytes] | None = None

    def step(self) -> None:
        """Start it once it has something to do."""
        if self._process is None and (gateway := self._gateway()):
            self._process = launch(self._folder, self._component(gateway))

    def has_judged(self) -> bool:
        """Whether every Gateway and route has a status, where Contour runs."""
        if self._process is None:
            return True
        # The definition of Gateways fills their status with conditions that no one has judged.
        waiting = any(
            condition["status"] == "Unknown"
            for each in self._list("gateways")
            for condition in each.get("status", {}).get("conditions", ())
        )
        return not waiting and all(each.get("status", {}).get("parents") for each in self._list("httproutes"))

    def verdicts(self) -> dict[str, str]:
        """What is wrong with Gateways and routes, by kind, namespace and name; those that are well are not in it."""
        found: dict[str, str] = {}
        for kind in ("gateways", "httproutes"):
            for item in self._list(kind):
                status = item.get("status", {})
                conditions = [*status.get("conditions", ())]
                conditions += [each for parent in status.get("parents", ()) for each in parent.get("conditions", ())]
                wrong = [
                    each
                    for each in conditions
                    if each["type"] in {"Accepted", "ResolvedRefs"} and each["status"] == "False"
                ]
                if wrong:
                    name = f"{item['kind']} {item['metadata']['namespace']}/{item['metadata']['name']}"
                    found[name] = "; ".join(f"{each['reason']}: {each.get('message', '')}" for each in wrong)
        return found

    def _gateway(self) -> Json | None:
        classes = {
            each["metadata"]["name"]
            for each in self._list("gatewayclasses")
            if each["spec"]["controllerName"] == _CONTROLLER
        }
        gateways = [each for each in self._list("gateways") if each["spec"]["gatewayClassName"] in classes]
        return gateways[0] if gateways else None

    def _undefined(self) -> list[str]:
        definitions = self._api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
        defined = {each["spec"]["names"]["plural"] for each in definitions}
        return [kind for kind in _OPTIONAL if kind not in defined]

    def _list(self, resource: str) -> list[Json]:
        try:
            return self._api.get(f"{_GATEWAYS}/{resource}")["items"]
        except ApiError as error:
            if error.status == _NOT_FOUND:  # its definition is not there (yet)
                return []
            raise

    def _component(self, gateway: Json) -> Component:
        config = self._folder.cluster / "contour.yaml"
        reference = {key: gateway["metadata"][key] for key in ("name", "namespace")}
        write_private(config, yaml.safe_dump({"gateway": {"gatewayRef": reference}}))
        return Component(
            name="contour",
            command=(
                str(self._program),
                "serve",
                f"--kubeconfig={self._folder.kubeconfig}",
                f"--config-path={config}",
                "--insecure",
                "--xds-address=127.0.0.1",
                f"--xds-port={self._ports['contour-xds']}",
                "--http-address=127.0.0.1",
                f"--http-port={self._ports['contour-metrics']}",
                "--health-address=127.0.0.1",
                f"--health-port={self._ports['contour-health']}",
                f"--debug-http-port={self._ports['contour-debug']}",
                "--disable-leader-election",
                *(f"--disable-feature={kind}" for kind in self._undefined()),
            ),
            environment=go_environment(memory_mib=100),
            ready=lambda: None,
        )
