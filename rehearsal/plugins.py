"""Pulumi's home in a rehearsal: the real Kubernetes plugin, and stand-ins for AWS and for the image builder."""

from __future__ import annotations

import os
import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.errors import RehearsalError
from tools.environment import environment

if TYPE_CHECKING:
    from rehearsal.folder import Folder

_STAND_INS = {"aws": "pulumi-aws", "docker-build": "pulumi-docker-build"}
"""The plugins that are stood in for, by name, with the Python package that pins the version."""
_REAL = {"kubernetes": "pulumi-kubernetes"}


def install(folder: Folder, *, checkout: Path) -> Path:
    """Make the home with its plugins.

    Args:
        folder: of the rehearsal.
        checkout: whose stand-ins are used.

    Returns:
        The folder to name in PULUMI_HOME.

    Raises:
        RehearsalError: the real Kubernetes plugin is not on this machine.
    """
    home = folder.pulumi / "home"
    plugins = home / "plugins"
    plugins.mkdir(parents=True)
    for name, package in _STAND_INS.items():
        version = metadata.version(package)
        program = plugins / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"
        program.parent.mkdir()
        # An executable of that name is what the engine looks for; it starts as a child and learns its address.
        program.write_text(
            "#!/bin/sh\n"
            f"PYTHONPATH={shlex.quote(str(checkout))} PYTHONSAFEPATH=1"
            f' exec {shlex.quote(sys.executable)} -m rehearsal.standin {name} "$@"\n'
        )
        program.chmod(0o700)
    for name, package in _REAL.items():
        wanted = f"resource-{name}-v{metadata.version(package)}"
        (plugins / wanted).mkdir()  # the engine passes over a link in this place
        (plugins / wanted / f"pulumi-resource-{name}").symlink_to(_installed(wanted) / f"pulumi-resource-{name}")
    # The engine logs each property of each resource into this folder, which takes half of its time; with a file in the
    # folder's place it goes on without.
    (home / "logs").touch()
    return home


def _installed(plugin: str) -> Path:
    homes = [
        environment().get("PULUMI_HOME"),
        os.environ.get("PULUMI_HOME"),
        str(Path.home() / ".pulumi"),
    ]
    for home in homes:
        if home and (found := Path(home) / "plugins" / plugin).is_dir():
            return found.resolve()
    name, _, version = plugin.removeprefix("resource-").rpartition("-v")
    raise RehearsalError(
        f"Pulumi's plugin {name} {version} is not on this machine: run `make tools`,"
        f" or with an official Pulumi `pulumi plugin install resource {name} {version}`"
    )
