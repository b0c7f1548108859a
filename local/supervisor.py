"""supervisord: its configuration, its start, and its XML-RPC interface as typed calls."""

import configparser
import io
import os
import secrets
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast
from xml.parsers.expat import ExpatError

from supervisor.xmlrpc import SupervisorTransport  # pyright: ignore[reportUnknownVariableType] - has no types

from local.control_plane import Component
from local.errors import ClusterError
from local.paths import Paths, write_private

USER = "inferstack"
_DO_NOT_WAIT = False
START_SECONDS = 10.0
LOG_BYTES = 10_000_000
# Debian's programs lie in these folders; the user's own PATH is not the cluster's business.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class ProcessInfo:
    """A supervised process as supervisord sees it; `state` is one of its state names, `pid` 0 where none runs."""

    name: str
    state: str
    pid: int
    started: int


class SupervisorError(ClusterError):
    """supervisord refused a request or did not answer."""


class Supervisor:
    """The supervisor of one checkout's cluster."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def configure(self, components: Iterable[Component]) -> bool:
        """Write the configuration; tell whether it differs from what was there."""
        text = configuration(self._paths, components, password=self._password(create=True))
        file = self._paths.supervisor_config
        if file.exists() and file.read_text() == text:
            return False
        write_private(file, text)
        return True

    def start(self, *, cgroup_procs: Path) -> None:
        """Start supervisord in a control group, with an environment of its own. It starts no program by itself.

        Raises:
            ClusterError: it ends at once, or does not answer within a few seconds.
        """
        self._paths.logs.mkdir(parents=True, exist_ok=True)
        self._paths.supervisor_socket.unlink(missing_ok=True)
        # Temporary files lie in the state, so that `down` removes what a killed process leaves.
        temporary = self._paths.state / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = {
            "PATH": f"{self._paths.tools}:{SYSTEM_PATH}",
            "HOME": str(self._paths.state),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
        }
        said = self._paths.logs / "supervisord-start.log"
        result = subprocess.run(
            [
                "/bin/sh",
                "-c",
                'echo $$ > "$1" && shift && exec "$@"',
                "sh",
                str(cgroup_procs),
                sys.executable,
                "-m",
                "supervisor.supervisord",
                "--configuration",
                str(self._paths.supervisor_config),
            ],
            check=False,
            env=environment,
            cwd=self._paths.state,
            stdin=subprocess.DEVNULL,
            stdout=said.open("w"),
            stderr=subprocess.STDOUT,
        )
        if result.returncode != 0:
            raise ClusterError(f"supervisord cannot be started (status {result.returncode}): see {said}")
        deadline = time.monotonic() + START_SECONDS
        while not self.running():
            if time.monotonic() > deadline:
                raise ClusterError(f"supervisord does not answer: see {self._paths.log('supervisord')}")
            time.sleep(0.02)

    def running(self) -> bool:
        """Tell whether supervisord answers."""
        try:
            self._call("getState")
        except SupervisorError:
            return False
        return True

    def reload(self) -> None:
        """Make a running supervisord follow a changed configuration: stop what left it or changed, know what is new."""
        added, changed, removed = cast("list[list[list[str]]]", self._call("reloadConfig"))[0]
        for name in (*changed, *removed):
            self._call("stopProcessGroup", name)
            self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            self._call("addProcessGroup", name)

    def start_process(self, name: str) -> None:
        """Ask for the start of one program and do not wait; one that runs or is starting is left alone.

        One that ends at once is left to supervisord too, which tries again and gives it up as FATAL in the end.
        """
        try:
            self._call("startProcess", name, _DO_NOT_WAIT)
        except SupervisorError as error:
            if not any(fault in str(error) for fault in ("ALREADY_STARTED", "SPAWN_ERROR")):
                raise

    def processes(self) -> dict[str, ProcessInfo]:
        """Return every program by name."""
        infos = cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))
        return {
            info["name"]: ProcessInfo(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"],
                started=info["start"],
            )
            for info in infos
        }

    def _call(self, method: str, *arguments: object) -> object:
        transport = SupervisorTransport(USER, self._password(), f"unix://{self._paths.supervisor_socket}")
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            what = " ".join((method, *(str(argument) for argument in arguments if isinstance(argument, str))))
            raise SupervisorError(f"supervisord refuses {what}: {fault.faultString}") from fault
        except (OSError, HTTPException, xmlrpc.client.Error, ExpatError) as error:
            raise SupervisorError(
                f"supervisord does not answer ({error}): see {self._paths.log('supervisord')}, and try again"
            ) from error

    def _password(self, *, create: bool = False) -> str:
        file = self._paths.state / "supervisor-password"
        if create and not file.exists():
            write_private(file, secrets.token_hex(16))
        return file.read_text() if file.exists() else ""


def configuration(paths: Paths, components: Iterable[Component], *, password: str) -> str:
    """Return supervisord's configuration file: no program starts by itself, each is restarted when it dies."""
    config = configparser.RawConfigParser()
    config["unix_http_server"] = {
        "file": str(paths.supervisor_socket),
        "chmod": "0600",
        "username": USER,
        "password": password,
    }
    config["supervisord"] = {
        "logfile": str(paths.log("supervisord")),
        "pidfile": str(paths.run / "supervisord.pid"),
        "directory": str(paths.state),
        "childlogdir": str(paths.logs),
    }
    config["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    for component in components:
        config[f"program:{component.name}"] = _program(paths, component)
    buffer = io.StringIO()
    config.write(buffer)
    return buffer.getvalue()


def _program(paths: Paths, component: Component) -> dict[str, str]:
    environment = ",".join(f'{name}="{value}"' for name, value in component.environment.items())
    return {
        "command": shlex.join(component.command).replace("%", "%%"),
        "environment": environment.replace("%", "%%"),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": "1",
        "startretries": "3",
        "stopsignal": "KILL",  # one program stops alone only to be started with other arguments
        "redirect_stderr": "true",
        "stdout_logfile": str(paths.log(component.name)),
        "stdout_logfile_maxbytes": str(LOG_BYTES),
        "stdout_logfile_backups": "1",
    }


def pid_of(paths: Paths) -> int | None:
    """Return the id of a running supervisord of ours by its pid file, even if it is in no group of ours yet."""
    try:
        pid = int((paths.run / "supervisord.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(paths.supervisor_config) in command else None
