"""The life of the embedded cluster: up, again, interrupted, broken, down, and nothing left."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from infra import settings
from local import cgroups, cleanup, firewall, host, lifecycle, network, oci
from local import plan as plans
from local import status as statuses
from local.errors import ClusterError
from local.node_gpus import POOL_LABEL
from local.options import ClusterOptions
from local.paths import Paths
from local.progress import Progress
from local.supervisor import SYSTEM_PATH
from local.toolbox import Toolbox
from tests.docs import blocks
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
        pytest.fail("a cluster of this checkout runs, and these tests would remove it: run `make down` first")
    run_local("down")
    yield
    run_local("down")


def options() -> ClusterOptions:
    """Return what Pulumi.local.yaml asks for."""
    found = ClusterOptions.of(settings.read("local", CHECKOUT))
    assert found
    return found


@pytest.fixture(scope="module", autouse=True)
def before(no_cluster: None) -> snapshot.Snapshot:  # noqa: ARG001  # taken when nothing runs
    """The machine before the first `up`."""
    return snapshot.take()


def up() -> RunningCluster:
    """Start the cluster and return it."""
    result = run_local("up")
    assert result.returncode == 0, result.stdout + result.stderr
    return read_cluster()


def start(wanted: ClusterOptions, *, tools: Path = PATHS.tools) -> None:
    """Start the cluster with other options or other built tools than a user of this checkout gets."""
    with Progress(Console(quiet=True), title="test") as progress:
        lifecycle.up(PATHS, wanted, Toolbox(tools), progress)


def tools_without(name: str, *, folder: Path) -> Path:
    """Fill a folder with links to the built tools, one excepted."""
    for tool in PATHS.tools.iterdir():
        if tool.name != name:
            (folder / tool.name).symlink_to(tool)
    return folder


def pid_of(component: str) -> int:
    """Return the process id of a running component, 0 if it does not run now."""
    found = statuses.read(PATHS)
    return next((one.pid for one in found.components if one.name == component), 0)


def test_up_is_a_ready_node_with_the_gpus_of_the_stack_file(before: snapshot.Snapshot) -> None:
    """From nothing to a ready node that offers as many simulated GPUs as Pulumi.local.yaml says."""
    assert before
    cluster = up()
    node = cluster.api.get(f"/api/v1/nodes/{cluster.node}")
    assert statuses.read(PATHS).state == "up"
    assert node["metadata"]["labels"]["inferstack.dev/gpus"] == "simulated"
    assert node["metadata"]["labels"]["inferstack.dev/pool"] == options().pool
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == str(options().gpus)


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
    plan = plans.load(PATHS)
    assert plan
    assert listening == {"127.0.0.1", plan.gateway}


def test_second_up_does_nothing() -> None:
    """`up` on a running cluster says that there is nothing to do and changes no process; `check` finds no lack."""
    up()
    pids = {one.name: one.pid for one in statuses.read(PATHS).components}
    assert run_local("check").returncode == 0
    result = run_local("up")
    assert "is up already" in result.stdout
    assert {one.name: one.pid for one in statuses.read(PATHS).components} == pids


def test_another_number_of_gpus_restarts_nothing_else() -> None:
    """`up --gpus` on a running cluster changes what the node offers and leaves the rest alone."""
    cluster = up()
    others = {one.name: one.pid for one in statuses.read(PATHS).components if one.name != "node-gpus"}
    more = str(options().gpus + 1)
    assert run_local("up", "--gpus", more).returncode == 0
    assert cluster.api.get(f"/api/v1/nodes/{cluster.node}")["status"]["allocatable"]["nvidia.com/gpu"] == more
    assert {name: pid_of(name) for name in others} == others
    assert run_local("up").returncode == 0
    assert read_cluster().gpus == options().gpus


def test_a_renamed_pool_labels_the_node_anew() -> None:
    """`up` on a running cluster gives the node the pool's new name: pods that ask for it are scheduled."""
    cluster = up()
    start(replace(options(), pool="renamed"))
    assert cluster.api.get(f"/api/v1/nodes/{cluster.node}")["metadata"]["labels"][POOL_LABEL] == "renamed"
    up()
    assert cluster.api.get(f"/api/v1/nodes/{cluster.node}")["metadata"]["labels"][POOL_LABEL] == options().pool


def test_another_gateway_port_must_be_free() -> None:
    """On a running cluster, a new port of the gateway is refused in one sentence while another program has it."""
    up()
    with socket.create_server(("127.0.0.1", 30999)):
        refused = run_local("up", "--gateway-port", "30999")
    assert refused.returncode == 1
    assert "port 30999 on 127.0.0.1, the gateway's, is used by" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert run_local("up", "--gateway-port", "30999").returncode == 0
    assert read_cluster().gateway_port == 30999
    assert up().gateway_port == options().gateway_port


@pytest.mark.parametrize("component", ["apiserver", "kubelet", "containerd", "etcd"])
def test_a_killed_component_is_restarted(component: str) -> None:
    """The supervisor starts a component that died; the next `up` finds or makes the cluster ready, GPUs included."""
    cluster = up()
    killed = pid_of(component)
    os.kill(killed, signal.SIGKILL)
    wait_for(f"{component} restarted", lambda: pid_of(component) not in {0, killed}, seconds=20)
    up()
    node = cluster.api.get(f"/api/v1/nodes/{cluster.node}")
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == str(options().gpus)


def test_a_component_that_cannot_start_is_one_sentence(tmp_path: Path) -> None:
    """`up` names the component, what it said and its log; the next `up` after the repair works."""
    assert run_local("down").returncode == 0
    tools = tools_without("kube-scheduler", folder=tmp_path)
    (tools / "kube-scheduler").write_text("#!/bin/sh\necho 'fatal: this is not a scheduler'\nexit 3\n")
    (tools / "kube-scheduler").chmod(0o755)
    with pytest.raises(ClusterError) as error:
        start(options(), tools=tools)
    assert str(error.value) == (
        f"scheduler cannot start; it said: fatal: this is not a scheduler (log: {PATHS.log('scheduler')})"
    )
    up()


def test_a_removed_tool_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`up` names the program that is missing and the command that brings it."""
    assert run_local("down").returncode == 0
    monkeypatch.setenv("PATH", SYSTEM_PATH)
    with pytest.raises(ClusterError, match=r"^programs are missing: kwok. Run `make tools`[^\n]*$"):
        start(options(), tools=tools_without("kwok", folder=tmp_path))
    assert not PATHS.state.exists()


def test_a_busy_gateway_port_is_one_sentence() -> None:
    """`check` and `up` name the port and the program that listens on it, and start nothing."""
    assert run_local("down").returncode == 0
    port = options().gateway_port
    with socket.create_server(("127.0.0.1", port)):
        results = [run_local("check"), run_local("up")]
    for result in results:
        assert result.returncode == 1
        assert f"port {port} on 127.0.0.1, the gateway's, is used by" in result.stderr
        assert f"(process {os.getpid()})" in result.stderr
    assert not PATHS.state.exists() or not cgroups.processes()


@pytest.mark.parametrize("until", ["plan.json", "config/containerd.toml", "etcd", "containerd", "kubelet/pods"])
def test_up_after_an_up_that_was_killed(until: str) -> None:
    """Killed at any point, `up` leaves something from which the next `up` gets ready."""
    assert run_local("down").returncode == 0
    with subprocess.Popen([sys.executable, "-m", "local", "up"], cwd=CHECKOUT, stdout=subprocess.DEVNULL) as process:
        wait_for(until, lambda: (PATHS.state / until).exists() or process.poll() is not None, seconds=60)
        process.kill()
    assert up().gpus == options().gpus


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
    kubectl = oci.build({"kubectl": Toolbox(PATHS.tools).find("kubectl")}, entrypoint=["/kubectl", "proxy"])
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
    for package in ("infra", "local", "model_build", "tools"):
        shutil.copytree(CHECKOUT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(settings.stack_file("local", CHECKOUT), tmp_path)
    (tmp_path / ".tools").symlink_to(CHECKOUT / ".tools")
    command = [sys.executable, "-m", "local"]
    refused = [
        subprocess.run([*command, name], cwd=tmp_path, check=False, capture_output=True, text=True)
        for name in ("check", "up")
    ]
    harmless = subprocess.run([*command, "down"], cwd=tmp_path, check=False, capture_output=True, text=True)
    for answer in refused:
        assert answer.returncode == 1
        assert f"the embedded cluster of {CHECKOUT} runs on this machine" in answer.stderr
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
    """The README's commands: with all that `make up` brings - images, pods, routes, traffic - nothing is left."""
    script = blocks.script(blocks.read(CHECKOUT / "README.md"), CHECKOUT)
    for command in (["bash", "-c", script], ["make", "down"]):
        answer = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=900)
        assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-4000:]
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
