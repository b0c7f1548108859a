"""Finds the programs that the cluster consists of."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from local.errors import ClusterError
from local.supervisor import SYSTEM_PATH

# What `components` starts and what `up` itself calls, in the order of a person's interest.
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kwok",
    "coredns",
    "buildkitd",
    "pause",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "runc",
    "docker-registry",
    "iptables",
    "iptables-save",
    "iptables-restore",
    "ip",
    "mount",
    "umount",
)
CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
CNI_PLUGINS = ("bridge", "host-local", "loopback")


class Toolbox:
    """The built tools in a folder, then what PATH has, then the system's."""

    def __init__(self, built: Path) -> None:
        self._search = f"{built}:{os.environ.get('PATH', '')}:{SYSTEM_PATH}"

    def find(self, name: str) -> Path:
        """Return a program's absolute path.

        Raises:
            ClusterError: it is not there; the text says how to get it.
        """
        found = shutil.which(name, path=self._search)
        if not found:
            raise ClusterError(f"the program {name} is missing: run `make tools`")
        return Path(found).absolute()

    def cni_plugins(self) -> Path:
        """Return the folder of the CNI plugins.

        Raises:
            ClusterError: no known folder has those that pods need.
        """
        for folder in CNI_FOLDERS:
            if all(os.access(folder / plugin, os.X_OK) for plugin in CNI_PLUGINS):
                return folder
        looked = ", ".join(str(folder) for folder in CNI_FOLDERS)
        raise ClusterError(f"the CNI plugins {', '.join(CNI_PLUGINS)} are in none of {looked}: run `make tools`")

    def missing(self, names: Iterable[str] = PROGRAMS) -> list[str]:
        """Return the names that `find` would not find."""
        return [name for name in names if not shutil.which(name, path=self._search)]
