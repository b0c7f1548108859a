"""What a user reads when the machine lacks something."""

import errno
import os
import shutil
import socket
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from local import commands, lifecycle, logs, preflight, record
from local.__main__ import main
from local.api import Api, ApiError
from local.commands import CommandError
from local.errors import ClusterError
from local.options import ClusterOptions
from local.paths import Paths, write_private
from local.supervisor import Supervisor
from local.toolbox import PROGRAMS, Toolbox
from tests.local.conftest import CHECKOUT

ELSEWHERE = "set `cluster.kind: existing` and a kubeconfig context"


def test_another_system_is_told_what_works() -> None:
    """On macOS the message says what is needed and what else works."""
    with pytest.raises(ClusterError, match=f"needs Linux, this is darwin.*{ELSEWHERE}"):
        preflight.check_linux("darwin")


def test_a_user_without_root_is_told_what_works() -> None:
    """Without root the message says how to get it and what else works."""
    with pytest.raises(ClusterError, match=f"needs root.*sudo.*{ELSEWHERE}"):
        preflight.check_root(1000)


def test_missing_programs_are_named_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All missing programs are in one message, with the command that brings them."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("local.toolbox.SYSTEM_PATH", "")
    with pytest.raises(ClusterError, match=f"programs are missing: {', '.join(PROGRAMS)}. Run `make tools`"):
        preflight.check_tools(Toolbox(tmp_path))


def test_a_busy_gateway_port_names_its_user() -> None:
    """The program that listens on the gateway's port is named with its process id."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ClusterError, match=rf"port {port} on 127.0.0.1.*\(process {os.getpid()}\)"):
            preflight.check_gateway_port(port)


def test_a_full_disk_says_how_much_is_needed(tmp_path: Path) -> None:
    """The message has the folder, what is free and what is needed."""
    with pytest.raises(ClusterError, match=f"{tmp_path} has .* GB free, the cluster's images need 1000000000 GB"):
        preflight.check_disk(tmp_path, needed=10**18)


def test_another_kubernetes_node_is_left_alone() -> None:
    """A machine that is a node already is refused, and told what else works."""
    with pytest.raises(ClusterError, match=f"is a Kubernetes node already.*{ELSEWHERE}"):
        preflight.check_no_other_node(present=lambda: True)


def test_the_command_prints_one_line_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's mistake ends in one line on standard error and exit code 1."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(lifecycle, "is_ready", Mock(return_value=False))
    result = CliRunner().invoke(main, ["up"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: the embedded cluster needs root")
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "allowed"), [(["--gpus", "65"], "0<=x<=64"), (["--gateway-port", "80"], "30000<=x<=32767")]
)
def test_options_take_what_the_stack_file_takes(arguments: list[str], allowed: str) -> None:
    """A number that the settings would refuse is a wrong use of the command line too, with the same range."""
    result = CliRunner().invoke(main, ["up", *arguments])
    assert result.exit_code == 2
    assert f"{arguments[1]} is not in the range {allowed}" in result.stderr


def test_check_comes_before_any_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` finds a lack at once in a checkout that has nothing built, and says what else works."""
    shutil.copy(CHECKOUT / "Pulumi.local.yaml", tmp_path)
    monkeypatch.setattr(Paths, "of_this_checkout", Mock(return_value=Paths(checkout=tmp_path)))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 1
    assert "needs root" in result.stderr
    assert ELSEWHERE in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["Pulumi.local.yaml"]


def test_check_asks_nothing_of_a_machine_that_uses_another_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """With cluster.kind existing, `check` passes without root."""
    monkeypatch.setattr(ClusterOptions, "of", Mock(return_value=None))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert CliRunner().invoke(main, ["check"]).exit_code == 0


def test_root_of_a_container_is_told_what_it_lacks() -> None:
    """Root without the right to mount or to make links learns which capability is missing and what else works."""
    preflight.check_capabilities("CapEff:\t000001fffeffffff\n")
    with pytest.raises(ClusterError, match=f"needs CAP_SYS_ADMIN and CAP_NET_ADMIN, which root.*{ELSEWHERE}"):
        preflight.check_capabilities("CapEff:\t00000000a80425fb\n")


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "/x: No space left on device: free some space"),
        (ApiError("GET /api: refused"), "the API server did not do its part (GET /api: refused): see"),
        (CommandError(("ip", "link"), ended="ended with status 2", reason="no"), "`ip link` ended with status 2: no"),
    ],
)
def test_what_goes_wrong_on_the_way_is_one_sentence(
    problem: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, an API server that dies, a command of the host that fails: one line each, no traceback."""
    monkeypatch.setattr(lifecycle, "up", Mock(side_effect=problem))
    result = CliRunner().invoke(main, ["up"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {sentence}")
    assert len(result.stderr.splitlines()) == 1


def test_commands_of_the_host_say_why_they_failed() -> None:
    """The error has the command, its status and the last line that it said; a missing program is an error too."""
    with pytest.raises(CommandError, match=r"^`sh -c .*` ended with status 3: second$"):
        commands.run("sh", "-c", "echo first >&2; echo second >&2; exit 3")
    with pytest.raises(CommandError, match="`no-such-program` cannot be started: No such file"):
        commands.run("no-such-program")
    assert not commands.succeeds("no-such-program")


def test_a_dead_supervisor_is_one_sentence(tmp_path: Path) -> None:
    """When supervisord dies, what is asked of it fails with a sentence that names its log."""
    supervisor = Supervisor(Paths(checkout=tmp_path, run=tmp_path))
    assert not supervisor.running()
    with pytest.raises(ClusterError, match=r"supervisord does not answer \(.*supervisord.log, and try again"):
        supervisor.processes()


def test_a_damaged_record_is_no_record(tmp_path: Path) -> None:
    """A damaged cluster.json means that the cluster is not ready; a damaged kubeconfig is named with the remedy."""
    paths = Paths(checkout=tmp_path)
    for content in ("", "[]", "{"):
        write_private(paths.ready_file, content)
        assert record.read(paths) is None
    for content in ("{", '{"clusters": []}', '{"clusters": [{"cluster": {}}], "users": [{"user": {}}]}'):
        write_private(paths.kubeconfig, content)
        with pytest.raises(ClusterError, match=f"{paths.kubeconfig} is damaged.*run `make down`, then `make up`"):
            Api(paths.kubeconfig)


@pytest.mark.parametrize("command", [["status"], ["logs", "etcd"], ["down"]])
def test_the_state_is_roots(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone who may not read the cluster's state is told so, without a traceback."""
    paths = Paths(checkout=tmp_path)
    paths.state.mkdir(parents=True)
    monkeypatch.setattr(Paths, "of_this_checkout", Mock(return_value=paths))
    monkeypatch.setattr(os, "access", Mock(return_value=False))
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert result.stderr == "error: the embedded cluster's state belongs to root: run the command with sudo\n"


@pytest.mark.parametrize("command", [[], ["check"], ["up"], ["down"], ["status"], ["logs"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    """--help works everywhere."""
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_last_words_prefer_the_failure(tmp_path: Path) -> None:
    """From a log, the line that speaks of a failure is quoted, not the stack trace after it; else the last line."""
    log = tmp_path / "x.log"
    assert logs.last_words(log) == ""
    log.write_text("starting\npanic: no such file\n\ngoroutine 1 [running]:\n\tmain.go:22 +0x25\n")
    assert logs.last_words(log) == "panic: no such file"
    log.write_text("starting\nstopping\n")
    assert logs.last_words(log) == "stopping"
