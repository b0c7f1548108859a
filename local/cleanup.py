"""`down`: ends and removes everything that `up` made, whatever state it is in."""

import contextlib
import os
import shutil
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil

from local import cgroups, firewall, host, journal, network, preflight
from local.paths import Paths
from local.progress import Progress
from local.supervisor import Supervisor, pid_of

GRACE_SECONDS = 5.0
# Components whose data outlives the cluster.
GRACEFUL = ("registry", "buildkitd")
OTHER_ENGINES = frozenset({"buildkitd", "containerd", "dockerd", "crio", "kubelet", "k3s"})


def down(paths: Paths, progress: Progress) -> bool:
    """Remove this checkout's cluster; return False if there is none. Hold the machine's lock.

    Raises:
        ClusterError: the kernel does not let go of a process or a group.
    """
    if not anything_left(paths):
        return False
    owner = journal.load(paths)
    if owner and owner.checkout != str(paths.checkout):
        _delete(paths.state)  # the machine's part is another checkout's, and this one's cluster is long dead
        return True
    paths.ready_file.unlink(missing_ok=True)
    progress.waiting_for(["processes"])
    stop_processes(paths)
    progress.done("processes")
    progress.waiting_for(["network", "mounts", "control groups"])
    network.remove()
    firewall.remove_all(absent=owner.absent_tables if owner else ())
    host.unmount_below([paths.run, paths.state, paths.cache / "buildkit"])
    cgroups.remove()
    if owner:
        journal.restore_settings(owner)
        _delete_fixed_places(owner.absent)
    _delete(paths.buildx_instance)
    _delete(paths.state)
    _delete(paths.run)  # the journal goes last: a `down` that was cut off can be repeated
    progress.done("host")
    return True


def anything_left(paths: Paths) -> bool:
    """Tell whether there is something of this checkout's cluster to remove. Starts nothing, locks nothing."""
    owner = journal.load(paths)
    if owner and owner.checkout != str(paths.checkout):
        return paths.state.exists()
    return bool(owner) or paths.run.exists() or paths.state.exists() or network.exists()


def take_over(paths: Paths, progress: Progress) -> None:
    """Make sure that no other checkout's cluster is on this machine; remove what a dead one left.

    Raises:
        ClusterError: another checkout's cluster runs.
    """
    owner = journal.load(paths)
    if not owner or owner.checkout == str(paths.checkout):
        return
    preflight.check_no_other_checkout(paths)
    progress.note(f"removing what the cluster of {owner.checkout} left behind")
    down(Paths(checkout=Path(owner.checkout)), progress)


def stop_processes(paths: Paths) -> None:
    """End every process of the cluster, containers included, and unmount what they had mounted.

    Those that keep data beyond the cluster's life are asked to end first; all others are killed.
    """
    supervisor = Supervisor(paths)
    running = supervisor.processes() if supervisor.running() else {}
    pid = pid_of(paths)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)  # first, or it would start again what ends
    _ask_to_end([running[name].pid for name in GRACEFUL if name in running and running[name].pid])
    cgroups.kill_all()
    host.unmount_below([paths.run, paths.state / "containerd", paths.cache / "buildkit"])
    # What containers' shims kept there is worthless without them; addresses of pods that are gone are free again.
    for leftover in (paths.run / "containerd", paths.run / "runc", paths.state / "cni"):
        _delete(leftover)


def _ask_to_end(pids: Iterable[int]) -> None:
    asked: list[psutil.Process] = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.terminate()
            asked.append(process)
    psutil.wait_procs(asked, timeout=GRACE_SECONDS)


def _delete_fixed_places(absent: Iterable[str]) -> None:
    """Delete what was not there before, unless another container engine came meanwhile and may use it too."""
    if any(process.info["name"] in OTHER_ENGINES for process in psutil.process_iter(["name"])):
        return
    for place in absent:
        _delete(Path(place))


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
