"""Installs Debian packages without starting their services."""

import os
import shlex
import shutil
from collections.abc import Sequence

from tools.commands import Job
from tools.errors import ToolError

_QUIET = {
    "DEBIAN_FRONTEND": "noninteractive",
    # The cluster starts these daemons itself, with its own configuration. With these two, neither systemd nor
    # init scripts start one during the installation.
    "SYSTEMD_OFFLINE": "1",
    "RUNLEVEL": "1",
}


class DebianInstaller:
    """Installs packages one by one, and nothing that they merely recommend."""

    def __init__(self) -> None:
        self._listed = False

    def install(self, package: str, job: Job) -> None:
        """Install a package; the first call brings the lists of packages up to date.

        Raises:
            ToolError: apt-get failed.
        """
        environment = {**os.environ, **_QUIET}
        if not self._listed:
            job.run(["apt-get", "update"], environment=environment)
            self._listed = True
        job.run(_command([package]), environment=environment)


def require_permission(packages: Sequence[str]) -> None:
    """Check that packages can be installed here, before anything else takes its time.

    Raises:
        ToolError: this account may not, or this is no Debian.
    """
    if packages and not shutil.which("apt-get"):
        raise ToolError(f"{', '.join(packages)}: not on PATH, and there is no apt-get to install them with")
    if packages and os.geteuid() != 0:
        command = f"sudo {shlex.join(_command(packages))}"
        raise ToolError(f"{', '.join(packages)}: not installed, and this account is not root: run `{command}`")


def _command(packages: Sequence[str]) -> list[str]:
    return ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
