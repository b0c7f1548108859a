"""The host's part of the cluster: kernel settings and mounts, and their removal."""

from collections.abc import Iterable
from pathlib import Path

from local.commands import CommandError, run, succeeds
from local.errors import EXISTING_CLUSTER_HINT, ClusterError
from local.paths import Paths

_SETTINGS = {
    "net/ipv4/ip_forward": "1",  # between pods and Services
    "net/bridge/bridge-nf-call-iptables": "1",  # Services between pods of one bridge
}


def enable_forwarding() -> None:
    """Set the kernel settings that pods need, where they are not set already.

    Raises:
        ClusterError: the kernel does not have one or does not let it be set.
    """
    if not Path("/proc/sys/net/bridge").exists():
        succeeds("modprobe", "br_netfilter")
    for name, value in _SETTINGS.items():
        file = Path("/proc/sys") / name
        try:
            if file.read_text().strip() != value:
                file.write_text(value)
        except OSError as error:
            raise ClusterError(
                f"the kernel setting {name.replace('/', '.')} cannot be set to {value}: {error.strerror}."
                f" {EXISTING_CLUSTER_HINT}"
            ) from error


def mount_kubelet_root(paths: Paths) -> None:
    """Show the kubelet's data at a short path. Private, so that what is mounted in one place shows only there."""
    paths.kubelet_data.mkdir(parents=True, exist_ok=True)
    paths.kubelet_root.mkdir(parents=True, exist_ok=True)
    if str(paths.kubelet_root) in mount_points():
        return
    try:
        run("mount", "--bind", str(paths.kubelet_data), str(paths.kubelet_root))
        run("mount", "--make-private", str(paths.kubelet_root))
    except CommandError as error:
        raise ClusterError(f"mounts are refused: {error.reason}. {EXISTING_CLUSTER_HINT}") from error


def unmount_below(folders: Iterable[Path]) -> None:
    """Unmount everything at or below the folders, the last mounted first. Lazily: no process of ours is left."""
    prefixes = tuple(str(folder) for folder in folders)
    for point in reversed(mount_points()):
        if any(point == prefix or point.startswith(f"{prefix}/") for prefix in prefixes):
            run("umount", "--lazy", point)


def mount_points() -> list[str]:
    """Return all mount points in the order of their mounting; a folder mounted on twice is there twice."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4].encode().decode("unicode_escape") for line in lines]
