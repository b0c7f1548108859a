"""The control plane of one rehearsal: etcd, API server, controllers, scheduler and KWOK, all on loopback.

There is no kubelet and no container, so it needs no root, and several run beside each other and beside the embedded
cluster. What starts here ends with the rehearsal (:mod:`rehearsal.keeper`).
"""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local import access
from local.api import Api
from local.control_plane import Component, ControlPlane, control_plane, kwok
from local.errors import ClusterError
from local.logs import last_words
from local.paths import write_private
from local.readiness import NotReady
from rehearsal.errors import RehearsalError
from rehearsal.folder import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.toolbox import Toolbox
    from rehearsal.folder import Folder

READY_SECONDS = 60.0
_POLL_SECONDS = 0.05
# No link or route of the machine is made for them: they are only written down.
_SERVICES, _PODS = "10.240.0.0/16", "10.241.0.0/16"
_TOKEN_USER = "rehearsal"  # noqa: S105  a name


@dataclass(frozen=True, kw_only=True)
class RunningPlane:
    """A control plane that is ready.

    Attributes:
        plane: where it listens and where its files lie.
        token: proves to it that one is an administrator, as `aws eks get-token` would.
        api: an administrator's client.
        folder: of the rehearsal.
        processes: what runs, by name.
    """

    plane: ControlPlane
    token: str
    api: Api
    folder: Folder
    processes: Mapping[str, subprocess.Popen[bytes]]

    @property
    def authority(self) -> Path:
        """The certificate that the API server is known by."""
        return self.plane.pki / "ca.crt"

    def check(self) -> None:
        """Notice a process that ended: an update would wait for it for minutes.

        Raises:
            RehearsalError: with what it said last.
        """
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RehearsalError(_failure(self.folder, name, f"ended with status {process.returncode}"))


def start(folder: Folder, ports: Mapping[str, int], *, tools: Toolbox, stages: Path, context: str) -> RunningPlane:
    """Start a control plane and wait until it is ready.

    Args:
        folder: of the rehearsal.
        ports: free ports, by :data:`local.control_plane.PORT_NAMES`.
        tools: finds the programs.
        stages: folder with KWOK's Stage manifests.
        context: name of the context in the administrator's kubeconfig.

    Raises:
        RehearsalError: a program is missing, ends, or is not ready in time.
    """
    # Imported here: the cryptography library takes longer to load than a wrong argument should take to be refused.
    from local import certificates, kubeconfigs  # noqa: PLC0415

    token, tokens = secrets.token_hex(16), folder.cluster / "tokens.csv"
    plane = ControlPlane(
        folder=folder.cluster,
        address="127.0.0.1",
        ports=ports,
        service_cidr=_SERVICES,
        simulated_cidr=_PODS,
        apiserver_flags=(
            f"--token-auth-file={tokens}",
            # Endpoints refuse a loopback address, and no pod here really calls the API server.
            "--endpoint-reconciler-type=none",
        ),
    )
    write_private(tokens, f'{token},{_TOKEN_USER},{_TOKEN_USER},"system:masters"\n')
    certificates.issue_all(
        plane.pki, certificates.control_plane_leaves(address=plane.address, service_address=plane.service_address)
    )
    for client in ("controller-manager", "scheduler", "kwok"):
        write_private(
            plane.kubeconfigs / client, kubeconfigs.kubeconfig(pki=plane.pki, server=plane.url, client=client)
        )
    administrator = kubeconfigs.kubeconfig(pki=plane.pki, server=plane.url, client="admin", context=context)
    write_private(folder.kubeconfig, administrator)
    try:
        components = (*control_plane(plane, tool=tools.find), kwok(plane, stages=stages, tool=tools.find))
    except ClusterError as error:
        raise RehearsalError(str(error)) from error
    api = Api(folder.kubeconfig)
    processes = _start_all(folder, components, api)
    return RunningPlane(plane=plane, token=token, api=api, folder=folder, processes=processes)


def launch(folder: Folder, component: Component) -> subprocess.Popen[bytes]:
    """Start one process of a rehearsal, with its mark and without the caller's environment."""
    with folder.log(component.name).open("wb") as log:
        return subprocess.Popen(
            component.command,
            cwd=folder.root,
            env={
                "PATH": os.defpath,
                "HOME": str(folder.home),
                "TMPDIR": str(folder.home),
                MARK: str(folder.told),
                **component.environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _start_all(folder: Folder, components: tuple[Component, ...], api: Api) -> dict[str, subprocess.Popen[bytes]]:
    waiting = list(components)
    running: dict[str, tuple[Component, subprocess.Popen[bytes]]] = {}
    ready: set[str] = set()
    deadline = time.monotonic() + READY_SECONDS
    while len(ready) < len(components):
        for component in [one for one in waiting if ready.issuperset(one.after)]:
            waiting.remove(component)
            running[component.name] = component, launch(folder, component)
        for name, (component, process) in running.items():
            if name in ready:
                continue
            if process.poll() is not None:
                raise RehearsalError(_failure(folder, name, f"ended with status {process.returncode}"))
            try:
                component.ready()
            except NotReady as reason:
                if time.monotonic() > deadline:
                    message = f"is not ready after {READY_SECONDS:.0f} s ({reason})"
                    raise RehearsalError(_failure(folder, name, message)) from None
                continue
            ready.add(name)
            if name == "apiserver":
                access.grant(api, [access.KWOK])
        time.sleep(_POLL_SECONDS)
    return {name: process for name, (_, process) in running.items()}


def _failure(folder: Folder, name: str, what: str) -> str:
    return f"{name} {what}; it said: {last_words(folder.log(name)) or '(nothing)'}"
