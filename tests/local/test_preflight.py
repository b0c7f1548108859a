"""What a user reads when the machine lacks something."""

import os
import socket
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from local import lifecycle, preflight
from local.__main__ import main
from local.errors import ClusterError
from local.paths import Paths
from local.toolbox import PROGRAMS, Toolbox

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
        preflight.check_tools(Toolbox(Paths(checkout=tmp_path)))


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
    wrong = CliRunner().invoke(main, ["up", "--gpus", "99"])
    assert (wrong.exit_code, wrong.stderr) == (1, "error: gpus is 99; allowed is 0 to 64\n")


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


@pytest.mark.parametrize("command", [[], ["up"], ["down"], ["status"], ["logs"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    """--help works everywhere."""
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_last_words_prefer_the_failure(tmp_path: Path) -> None:
    """From a log, the line that speaks of a failure is quoted, not the stack trace after it; else the last line."""
    log = tmp_path / "x.log"
    assert lifecycle.last_words(log) == ""
    log.write_text("starting\npanic: no such file\n\ngoroutine 1 [running]:\n\tmain.go:22 +0x25\n")
    assert lifecycle.last_words(log) == "panic: no such file"
    log.write_text("starting\nstopping\n")
    assert lifecycle.last_words(log) == "stopping"
