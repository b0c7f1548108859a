"""The life of the embedded cluster: up, again, interrupted, broken, down, and nothing left."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra import settings
from local import cgroups, cleanup, firewall, host, network, oci
from local import status as statuses
from local.paths import Paths
from local.toolbox import Toolbox
from tests.local import snapshot
from tests.local.conftest import CHECKOUT, RunningCluster, read_cluster, run_local
from tests.local.registry import push
from tests.local.waiting import wait_for

pytestmark = pytest.mark.cluster
PATHS = Paths.of_this_checkout()
DEFAULT = "/api/v1/namespaces/default"


@pytest.fixture(scope="module", autouse=True)
def no_cluster() -> Iterator[None]:
    """These tests start and remove clusters: they leave a user's own alone."""
    if run_local("status").returncode == 0:
        pytest.skip("a cluster of this checkout runs, and these tests would remove it: run `make down` first")
    run_local("down")
    yield
    run_local("down")


@pytest.fixture(scope="module")
def before() -> snapshot.Snapshot:
    """The machine before the first `up`."""
    return snapshot.take()


def up() -> RunningCluster:
    """Start the cluster and return it."""
    result = run_local("up")
    assert result.returncode == 0, result.stdout + result.stderr
    return read_cluster()


def pid_of(component: str) -> int:
    """Return the process id of a running component, 0 if it does not run now."""
    found = statuses.read(PATHS)
    return next((one.pid for one in found.components if one.name == component), 0)


def test_up_is_a_ready_node_with_the_gpus_of_the_stack_file(before: snapshot.Snapshot) -> None:
    """From nothing to a ready node that offers as many simulated GPUs as Pulumi.local.yaml says."""
    assert before
    wanted = settings.read("local", CHECKOUT).cluster
    assert isinstance(wanted, settings.EmbeddedCluster)
    cluster = up()
    node = cluster.api.get(f"/api/v1/nodes/{cluster.node}")
    assert statuses.read(PATHS).state == "up"
    assert node["metadata"]["labels"]["inferstack.dev/gpus"] == "simulated"
    assert node["metadata"]["labels"]["inferstack.dev/pool"] == "gpu"
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == str(wanted.gpus)


def test_private_files_are_private() -> None:
    """Keys, kubeconfigs and the supervisor's password are readable by root alone, sockets too."""
    up()
    private = [*PATHS.pki.rglob("*.key"), *PATHS.kubeconfigs.iterdir(), PATHS.kubeconfig, PATHS.ready_file]
    private += [PATHS.supervisor_config, PATHS.state / "supervisor-password"]
    assert {oct(file.stat().st_mode & 0o777) for file in private} == {"0o600"}
    assert PATHS.state.stat().st_mode & 0o077 == 0
    assert PATHS.supervisor_socket.stat().st_mode & 0o077 == 0
    assert PATHS.buildkit_socket.stat().st_mode & 0o007 == 0


def test_listens_on_loopback_and_the_pod_bridge_only() -> None:
    """No component listens where another machine could connect."""
    up()
    own, _ = cgroups.processes_by_place()
    listening = {
        connection.laddr.ip
        for pid in own
        for connection in psutil.Process(pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
    }
    assert listening <= {"127.0.0.1", "10.201.0.1"} | {ip for ip in listening if ip.startswith("10.")}
    assert "127.0.0.1" in listening


def test_second_up_does_nothing_and_is_fast() -> None:
    """`up` on a running cluster changes no process and takes less than a second (two on a busy machine)."""
    up()
    pids = {one.name: one.pid for one in statuses.read(PATHS).components}
    begin = time.monotonic()
    result = run_local("up")
    assert time.monotonic() - begin < 2
    assert "is up already" in result.stdout
    assert {one.name: one.pid for one in statuses.read(PATHS).components} == pids


def test_another_number_of_gpus_restarts_nothing_else() -> None:
    """`up --gpus 3` on a running cluster changes what the node offers and leaves the rest alone."""
    cluster = up()
    apiserver = pid_of("apiserver")
    assert run_local("up", "--gpus", "3").returncode == 0
    assert cluster.api.get(f"/api/v1/nodes/{cluster.node}")["status"]["allocatable"]["nvidia.com/gpu"] == "3"
    assert pid_of("apiserver") == apiserver
    assert run_local("up").returncode == 0
    assert read_cluster().gpus == 2


@pytest.mark.parametrize("component", ["apiserver", "kubelet", "containerd", "etcd"])
def test_a_killed_component_is_restarted(component: str) -> None:
    """The supervisor starts a component that died; the next `up` finds or makes the cluster ready, GPUs included."""
    cluster = up()
    killed = pid_of(component)
    os.kill(killed, signal.SIGKILL)
    wait_for(f"{component} restarted", lambda: pid_of(component) not in {0, killed}, seconds=20)
    up()
    node = cluster.api.get(f"/api/v1/nodes/{cluster.node}")
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "2"


def test_a_component_that_cannot_start_is_one_sentence(tmp_path: Path) -> None:
    """`up` names the component, what it said and its log; the next `up` after the repair works."""
    assert run_local("down").returncode == 0
    tool = PATHS.tools / "kube-scheduler"
    broken = tmp_path / "kube-scheduler"
    shutil.move(tool, broken)
    try:
        tool.write_text("#!/bin/sh\necho 'fatal: this is not a scheduler'\nexit 3\n")
        tool.chmod(0o755)
        result = run_local("up")
    finally:
        tool.unlink(missing_ok=True)
        shutil.move(broken, tool)
    assert result.returncode == 1
    assert result.stderr.strip() == (
        f"error: scheduler cannot start; it said: fatal: this is not a scheduler (log: {PATHS.log('scheduler')})"
    )
    up()


def test_a_removed_tool_is_one_sentence(tmp_path: Path) -> None:
    """`up` names the program that is missing and the command that brings it."""
    assert run_local("down").returncode == 0
    tool = PATHS.tools / "kwok"
    shutil.move(tool, tmp_path / "kwok")
    try:
        result = run_local("up")
    finally:
        shutil.move(tmp_path / "kwok", tool)
    assert result.returncode == 1
    assert "programs are missing: kwok. Run `make tools`" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_busy_gateway_port_is_one_sentence() -> None:
    """`up` names the port and the program that listens on it, and starts nothing."""
    assert run_local("down").returncode == 0
    with socket.create_server(("127.0.0.1", 30080)):
        result = run_local("up")
    assert result.returncode == 1
    assert "port 30080 on 127.0.0.1, the gateway's, is used by" in result.stderr
    assert f"(process {os.getpid()})" in result.stderr
    assert not PATHS.state.exists() or not cgroups.processes()


@pytest.mark.parametrize("until", ["plan.json", "config/containerd.toml", "etcd", "containerd", "kubelet/pods"])
def test_up_after_an_up_that_was_killed(until: str) -> None:
    """Killed at any point, `up` leaves something from which the next `up` gets ready."""
    assert run_local("down").returncode == 0
    with subprocess.Popen([sys.executable, "-m", "local", "up"], cwd=CHECKOUT, stdout=subprocess.DEVNULL) as process:
        wait_for(until, lambda: (PATHS.state / until).exists() or process.poll() is not None, seconds=60)
        process.kill()
    assert up().gpus == 2


def test_up_when_processes_are_gone_but_state_is_there() -> None:
    """When every process was killed, `up` continues with the objects that etcd has."""
    cluster = up()
    cluster.api.apply("/api/v1/namespaces/survives", {"apiVersion": "v1", "kind": "Namespace"})
    cgroups.kill_all()
    assert run_local("status").returncode == 1
    again = up()
    assert again == cluster
    assert again.api.get("/api/v1/namespaces/survives")["status"]["phase"] == "Active"


def test_pods_come_back_after_a_reboot() -> None:
    """A reboot takes processes, mounts, links and packet rules, and leaves the state: `up` runs the same pods again."""
    cluster = up()
    wait_for("service account", lambda: cluster.api.exists(f"{DEFAULT}/serviceaccounts/default"), seconds=20)
    kubectl = oci.build({"kubectl": Toolbox(PATHS).find("kubectl")}, entrypoint=["/kubectl", "proxy"])
    reference = push(kubectl, registry=cluster.registry, repository="tests/reboot")
    container = {"name": "server", "image": reference}
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}
    cluster.api.apply(f"{DEFAULT}/pods/server", pod)
    wait_for("pod runs", lambda: _starts(cluster) == 1, seconds=60)
    cgroups.kill_all()
    host.unmount_below([PATHS.run, PATHS.state])
    network.remove()
    firewall.remove_all(absent=())
    up()
    wait_for("pod runs again", lambda: _starts(cluster) == 2, seconds=60)


def _starts(cluster: RunningCluster) -> int:
    """Return how often the pod's container has been started, 0 where it does not run now."""
    statuses_ = cluster.api.get(f"{DEFAULT}/pods/server")["status"].get("containerStatuses", [])
    return next((1 + one["restartCount"] for one in statuses_ if "running" in one["state"]), 0)


def test_down_after_a_down_that_was_killed() -> None:
    """Killed at any point, `down` leaves something that the next `down` removes."""
    for moment in (PATHS.ready_file, PATHS.supervisor_socket, PATHS.buildx_instance):
        up()
        with subprocess.Popen(
            [sys.executable, "-m", "local", "down"], cwd=CHECKOUT, stdout=subprocess.DEVNULL
        ) as process:
            wait_for(f"no {moment}", lambda file=moment: not file.exists() or process.poll() is not None, seconds=60)
            process.kill()
        assert run_local("down").returncode == 0
        assert not cleanup.anything_left(PATHS)
        assert cgroups.processes() == set()


def test_two_ups_at_once_give_one_cluster() -> None:
    """The second waits for the first, says so, and both end well."""
    assert run_local("down").returncode == 0
    command = [sys.executable, "-m", "local", "up"]
    both = [subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("waiting for its end" in output for output in outputs) == 1
    assert sum("is up already" in output for output in outputs) == 1


def test_another_checkout_is_told_where_the_cluster_runs(tmp_path: Path) -> None:
    """One machine has one embedded cluster; a second checkout's `up` names the first, and its `down` is harmless."""
    up()
    shutil.copytree(CHECKOUT / "local", tmp_path / "local", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".tools").symlink_to(CHECKOUT / ".tools")
    command = [sys.executable, "-m", "local"]
    refused = subprocess.run([*command, "up"], cwd=tmp_path, check=False, capture_output=True, text=True)
    harmless = subprocess.run([*command, "down"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert f"the embedded cluster of {CHECKOUT} runs on this machine" in refused.stderr
    assert (harmless.returncode, "nothing to remove" in harmless.stdout) == (0, True)
    assert run_local("status").returncode == 0


def test_down_works_when_the_supervisor_was_killed() -> None:
    """`down` finds components and containers without the supervisor's help."""
    up()
    supervisor = psutil.Process(pid_of("etcd")).ppid()
    os.kill(supervisor, signal.SIGKILL)
    assert run_local("down").returncode == 0
    assert cgroups.processes() == set()


def test_down_leaves_the_machine_as_it_was(before: snapshot.Snapshot) -> None:
    """Processes, mounts, links, namespaces, control groups, packet rules, settings and files equal those before."""
    up()
    assert snapshot.differences(before, snapshot.take()).keys() >= {"processes", "mounts", "links", "packet_rules"}
    assert run_local("down").returncode == 0
    assert snapshot.differences(before, snapshot.take()) == {}
    assert not PATHS.state.exists()


def test_make_down_undoes_make_up(before: snapshot.Snapshot) -> None:
    """With all that `make up` brings - images, pods, routes, traffic - the machine is afterwards as it was before."""
    for target in ("up", "down", "down"):
        answer = subprocess.run(
            ["make", target], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=900
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
    assert snapshot.differences(before, snapshot.take()) == {}


def test_second_down_does_nothing() -> None:
    """`down` where nothing is says so and succeeds."""
    assert run_local("down").returncode == 0
    result = run_local("down")
    assert (result.returncode, "nothing to remove" in result.stdout) == (0, True)
    assert not cleanup.anything_left(PATHS)


def test_status_and_logs_of_a_stopped_cluster() -> None:
    """`status` says that it is down with exit code 1; `logs` says what there is, without a traceback."""
    assert run_local("down").returncode == 0
    assert "cluster: down" in run_local("status").stdout
    logs = run_local("logs", "apiserver")
    assert logs.returncode == 1
    assert logs.stderr.strip() == "error: there is no log of 'apiserver'; there are: none: the cluster is down"
