"""`up`: from whatever is there (nothing, a part, all of it) to a ready cluster."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from filelock import FileLock, Timeout

from local import (
    access,
    cgroups,
    cleanup,
    configuration,
    firewall,
    host,
    journal,
    kubeconfigs,
    network,
    node_gpus,
    oci,
    preflight,
    readiness,
    record,
)
from local import plan as plans
from local.api import Api, ApiError
from local.commands import run
from local.components import components
from local.control_plane import Component
from local.errors import ClusterError
from local.logs import last_words
from local.options import ClusterOptions
from local.paths import NAME, RUN, Paths
from local.plan import Plan
from local.progress import Progress
from local.supervisor import Supervisor
from local.toolbox import Toolbox

READY_SECONDS = 120.0
POLL_SECONDS = 0.05
LOCK_SECONDS = 300.0
LOCK = RUN.with_suffix(".lock")


@dataclass(frozen=True, kw_only=True)
class _Start:
    """What one `up` works with."""

    paths: Paths
    options: ClusterOptions
    plan: Plan
    supervisor: Supervisor
    toolbox: Toolbox
    progress: Progress


def up(paths: Paths, options: ClusterOptions, toolbox: Toolbox, progress: Progress) -> bool:
    """Make the cluster ready; return False if it was ready before.

    Raises:
        ClusterError: the machine lacks something, or a component cannot start.
    """
    if is_ready(paths, options):
        return False
    preflight.check_user()
    with machine_lock(progress):
        if is_ready(paths, options):
            return False
        preflight.check_tools(toolbox)
        preflight.check_machine(paths, options)
        cleanup.take_over(paths, progress)
        supervisor = Supervisor(paths)
        paths.ready_file.unlink(missing_ok=True)
        plan = plans.load(paths) if supervisor.running() else None
        if plan is None:
            cleanup.stop_processes(paths)
            plan = _prepare(paths)
        configuration.write_all(
            paths, plan, pause_image=oci.pause_name(toolbox.find("pause")), cni_plugins=toolbox.cni_plugins()
        )
        start = _Start(
            paths=paths, options=options, plan=plan, supervisor=supervisor, toolbox=toolbox, progress=progress
        )
        _start_components(start)
        _wait_for_node(start)
        _wait_for_supervisor(start)
        record.write(paths, plan, options)
    return True


def is_ready(paths: Paths, options: ClusterOptions) -> bool:
    """Tell whether everything runs with these options. Fast: it starts nothing and waits for nothing."""
    plan = plans.load(paths)
    recorded = record.read(paths)
    if plan is None or recorded is None or not record.was_made_with(recorded, options):
        return False
    supervisor = Supervisor(paths)
    if not supervisor.running() or any(info.state != "RUNNING" for info in supervisor.processes().values()):
        return False
    try:
        readiness.https_ok(f"{plan.apiserver_url}/readyz", authority=paths.pki / "ca.crt", client=paths.pki / "admin")()
    except readiness.NotReady:
        return False
    return True


@contextmanager
def machine_lock(progress: Progress) -> Generator[None]:
    """Hold the machine's lock of `up` and `down`; say so when another command holds it.

    Raises:
        ClusterError: the other command takes too long.
    """
    lock = FileLock(LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.note("another `local up` or `down` is at work on this machine: waiting for its end")
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise ClusterError(
                f"another `local up` or `down` has been at work for {LOCK_SECONDS:.0f} s: see its output"
            ) from None
    except PermissionError:
        raise ClusterError("the embedded cluster belongs to root: run the command with sudo") from None
    try:
        yield
    finally:
        if not RUN.exists():
            LOCK.unlink(missing_ok=True)  # waiting commands notice and take a new file
        lock.release()


def _prepare(paths: Paths) -> Plan:
    """Record the host's state, choose ports and ranges, set up the host, issue certificates; nothing of ours runs."""
    # Imported here: it takes as long to load as a whole `up` takes when there is nothing to do.
    from local import certificates  # noqa: PLC0415

    paths.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths.run.mkdir(mode=0o711, exist_ok=True)
    journal.record(paths)
    plan = plans.choose(paths, bridge=network.BRIDGE)
    host.enable_forwarding()
    network.set_up(plan)
    if not plans.port_is_free(firewall.DNS_PORT, plan.gateway):
        raise ClusterError(
            f"port {firewall.DNS_PORT} on the pod bridge {plan.gateway} is used by a name server that listens on every"
            " address: restrict it to its own addresses (dnsmasq: bind-dynamic)"
        )
    host.mount_kubelet_root(paths)
    certificates.issue_all(paths.pki, certificates.leaves(plan))
    kubeconfigs.write_all(paths, plan)
    return plan


def _start_components(start: _Start) -> None:
    """Start each component when those before it are ready, until all are."""
    everything = components(start.paths, start.plan, start.options, tool=start.toolbox.find)
    changed = start.supervisor.configure(everything)
    if not start.supervisor.running():
        start.supervisor.start(cgroup_procs=cgroups.create())
    elif changed:
        start.supervisor.reload()
    waiting, starting, ready = list(everything), dict[str, Component](), set[str]()
    deadline = time.monotonic() + READY_SECONDS
    while waiting or starting:
        for component in [one for one in waiting if ready.issuperset(one.after)]:
            start.supervisor.start_process(component.name)
            waiting.remove(component)
            starting[component.name] = component
        start.progress.waiting_for(starting)
        for name, problem in _probe(start, starting).items():
            if problem is None:
                _when_ready(start, name)
                start.progress.done(name)
                ready.add(name)
                del starting[name]
            elif time.monotonic() > deadline:
                raise ClusterError(_failure(start.paths, name, f"is not ready after {READY_SECONDS:.0f} s ({problem})"))
        time.sleep(POLL_SECONDS)


def _probe(start: _Start, starting: dict[str, Component]) -> dict[str, str | None]:
    """Return for each starting component what is missing, or None if it is ready.

    Raises:
        ClusterError: supervisord gave one up.
    """
    processes = start.supervisor.processes()
    found: dict[str, str | None] = {}
    for name, component in starting.items():
        info = processes[name]
        if info.state == "FATAL":
            raise ClusterError(_failure(start.paths, name, "cannot start"))
        if info.state not in {"STARTING", "RUNNING"}:
            found[name] = f"supervisord says {info.state}"
            continue
        try:
            component.ready()
            found[name] = None
        except readiness.NotReady as reason:
            found[name] = str(reason)
    return found


def _when_ready(start: _Start, name: str) -> None:
    """Do what the components after this one rely on."""
    if name == "apiserver":
        access.grant(Api(start.paths.kubeconfig))
    elif name == "containerd":
        binary = start.toolbox.find("pause")
        archive = start.paths.config / "pause.tar"
        oci.write_pause_archive(binary, archive)
        ctr = (str(start.toolbox.find("ctr")), "--address", str(start.paths.containerd_socket), "--namespace", "k8s.io")
        run(*ctr, "images", "import", "--no-unpack", str(archive))


def _wait_for_node(start: _Start) -> None:
    api = Api(start.paths.kubeconfig)
    start.progress.waiting_for(["node"])
    deadline = time.monotonic() + READY_SECONDS
    problem = "the kubelet has not registered it"
    wanted = start.options
    while time.monotonic() < deadline:
        try:
            node = api.get(f"/api/v1/nodes/{NAME}")
            conditions = {one["type"]: one for one in node["status"].get("conditions", [])}
            ready = conditions.get("Ready", {})
            if ready.get("status") != "True":
                problem = str(ready.get("message", "it reports no state"))
            elif not node_gpus.is_correct(node, gpus=wanted.gpus, pool=wanted.pool):
                problem = (
                    f"it does not offer {wanted.gpus} {node_gpus.RESOURCE} in pool {wanted.pool}:"
                    f" see {start.paths.log('node-gpus')}"
                )
            else:
                start.progress.done("node")
                return
        except ApiError as error:
            problem = str(error)
        time.sleep(POLL_SECONDS)
    raise ClusterError(f"the node {NAME} is not ready after {READY_SECONDS:.0f} s: {problem}")


def _wait_for_supervisor(start: _Start) -> None:
    """Wait until supervisord counts every component as started.

    A component answers before supervisord trusts it (``startsecs``), and one that fell over once has just come back:
    ``status`` would call the cluster partial.
    """
    deadline = time.monotonic() + READY_SECONDS
    while states := {
        info.name: info.state for info in start.supervisor.processes().values() if info.state != "RUNNING"
    }:
        for name, state in states.items():
            if state == "FATAL" or time.monotonic() > deadline:
                raise ClusterError(_failure(start.paths, name, f"does not keep running (supervisord says {state})"))
        time.sleep(POLL_SECONDS)


def _failure(paths: Paths, name: str, what: str) -> str:
    log = paths.log(name)
    return f"{name} {what}; it said: {last_words(log) or '(nothing)'} (log: {log})"
