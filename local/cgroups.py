"""The cluster's control groups: one root in every hierarchy, so that no process of ours can get lost."""

import os
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from local.configuration import CGROUP_ROOT
from local.errors import EXISTING_CLUSTER_HINT, ClusterError

MOUNT = Path("/sys/fs/cgroup")
NEEDED = ("cpu", "cpuset", "memory", "pids")
# Under version 2 a group with children may hold no processes, so the host's processes have a leaf of their own.
HOST_GROUP = "host"
DEADLINE_SECONDS = 20.0


def is_version_2() -> bool:
    """Tell whether the machine has the unified hierarchy where Kubernetes looks for it."""
    return (MOUNT / "cgroup.controllers").exists()


def hierarchies() -> list[Path]:
    """Return the mount points of all control group hierarchies.

    Beside those of version 1 there may be a unified one without controllers, in which runc makes groups too.
    """
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return [Path(fields[1]) for fields in mounts if fields[2] in {"cgroup", "cgroup2"}]


def create() -> Path:
    """Make our root in every hierarchy; return the file that takes the id of a process to put into the host group.

    Raises:
        ClusterError: a controller that the kubelet needs is missing or cannot be enabled.
    """
    roots = [hierarchy / CGROUP_ROOT.strip("/") for hierarchy in hierarchies()]
    try:
        if is_version_2():
            _enable_controllers()
        for root in roots:
            root.mkdir(exist_ok=True)
            _inherit_cpuset(root)
        host = _tracking() / HOST_GROUP
        host.mkdir(exist_ok=True)
    except OSError as error:
        raise ClusterError(
            f"control groups cannot be made ({error}); a real node needs them writable. {EXISTING_CLUSTER_HINT}"
        ) from error
    return host / "cgroup.procs"


def processes() -> set[int]:
    """Return the ids of all processes in our groups: components, containers' shims, and what runs in containers."""
    return _members(_groups())


def _members(groups: Iterable[Path]) -> set[int]:
    found: set[int] = set()
    for group in groups:
        try:
            found.update(int(line) for line in (group / "cgroup.procs").read_text().split())
        except OSError:  # the group went away, or is a threaded one
            continue
    return {pid for pid in found if pid > 0 and not _is_zombie(pid)}


def processes_by_place() -> tuple[set[int], set[int]]:
    """Return the ids of the cluster's own processes (shims included) and of those inside pods' containers."""
    root = _tracking()
    own = _members([root / HOST_GROUP])
    return own, _members(group for group in _groups() if group.is_relative_to(root)) - own


def kill_all() -> None:
    """Kill every process in our groups and wait for their end.

    Raises:
        ClusterError: one does not end, which means that the kernel holds it.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while alive := processes() - {os.getpid()}:
        if time.monotonic() > deadline:
            raise ClusterError(f"processes {sorted(alive)} do not end when killed; run the command again in a minute")
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def remove() -> None:
    """Delete our groups, leaves first. They must be empty of processes; the kernel may take a moment to see it."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while groups := _groups():
        for group in sorted(groups, key=lambda path: len(path.parts), reverse=True):
            try:
                group.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    raise ClusterError(f"control group {group} cannot be removed: is a process in it?") from None
        time.sleep(0.02)


def controllers_file() -> Path | None:
    """Return version 2's list of controllers enabled below the root group, which `create` may change."""
    return MOUNT / "cgroup.subtree_control" if is_version_2() else None


def _groups() -> list[Path]:
    found: list[Path] = []
    for hierarchy in hierarchies():
        root = hierarchy / CGROUP_ROOT.strip("/")
        if root.is_dir():
            found.extend(Path(directory) for directory, _, _ in os.walk(root))
    return found


def _tracking() -> Path:
    """Return our root in the hierarchy that the host group is made in."""
    return (MOUNT if is_version_2() else _version_1("pids")) / CGROUP_ROOT.strip("/")


def _version_1(controller: str) -> Path:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        fields = line.split()
        if fields[2] == "cgroup" and controller in fields[3].split(","):
            return Path(fields[1])
    raise ClusterError(
        f"the kernel offers no control group controller {controller!r} in {MOUNT}; a real node needs"
        f" {', '.join(NEEDED)}. {EXISTING_CLUSTER_HINT}"
    )


def check_controllers() -> None:
    """Raise a ClusterError if a controller that the kubelet needs is not there."""
    if not is_version_2():
        for controller in NEEDED:
            _version_1(controller)
        return
    offered = (MOUNT / "cgroup.controllers").read_text().split()
    if missing := [controller for controller in NEEDED if controller not in offered]:
        raise ClusterError(
            f"control group controllers {', '.join(missing)} are missing in {MOUNT}/cgroup.controllers;"
            f" a real node needs {', '.join(NEEDED)}. {EXISTING_CLUSTER_HINT}"
        )


def _enable_controllers() -> None:
    enabled = (MOUNT / "cgroup.subtree_control").read_text().split()
    wanted = [f"+{controller}" for controller in NEEDED if controller not in enabled]
    if wanted:
        (MOUNT / "cgroup.subtree_control").write_text(" ".join(wanted))


def _inherit_cpuset(root: Path) -> None:
    """Version 1 gives a new cpuset no processor and no memory node, and lets no process in until it has both."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        file = root / name
        if not is_version_2() and file.exists() and not file.read_text().strip():
            shutil.copyfile(root.parent / name, file)


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
