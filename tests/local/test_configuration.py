"""Generated configuration files and command lines."""

import configparser
import json
import shlex
import tomllib
from pathlib import Path

from local import configuration, supervisor
from local.components import components
from local.control_plane import Component
from local.options import ClusterOptions
from local.paths import Paths
from tests.local.test_certificates import PLAN

SOCKET_LIMIT = 107
OPTIONS = ClusterOptions(gpus=2, pool="a100", gateway_port=30080)


def _components(paths: Paths) -> tuple[Component, ...]:
    return components(paths, PLAN, OPTIONS, tool=lambda name: Path("/tools") / name)


def test_every_file_parses_and_is_private(tmp_path: Path) -> None:
    """JSON is JSON, TOML is TOML, and all files have mode 600."""
    paths = Paths(checkout=tmp_path)
    configuration.write_all(paths, PLAN, pause_image="pause:1", cni_plugins=Path("/cni"))
    files = [file for file in paths.config.rglob("*") if file.is_file()]
    for file in files:
        if file.suffix in {".json", ".conflist", ".yml"}:
            json.loads(file.read_text())
        elif file.suffix == ".toml":
            tomllib.loads(file.read_text())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert json.loads(paths.buildx_instance.read_text())["Driver"] == "remote"


def test_sockets_fit_whatever_the_checkout_is_called() -> None:
    """No Unix socket's path depends on the checkout's, so that none gets longer than the kernel allows."""
    paths = Paths(checkout=Path("/" + "long/" * 60 + "checkout"))
    kubelet_socket = paths.kubelet_root / "pod-resources/kubelet.sock"
    for path in (paths.containerd_socket, paths.buildkit_socket, paths.supervisor_socket, kubelet_socket):
        assert len(str(path)) <= SOCKET_LIMIT


def test_nothing_listens_on_every_address(tmp_path: Path) -> None:
    """No command line or configuration names the wildcard address."""
    paths = Paths(checkout=tmp_path)
    configuration.write_all(paths, PLAN, pause_image="pause:1", cni_plugins=Path("/cni"))
    texts = [file.read_text() for file in paths.config.rglob("*") if file.is_file()]
    texts += [shlex.join(component.command) for component in _components(paths)]
    assert not [text for text in texts if "0.0.0.0:" in text or '"0.0.0.0"' in text]


def test_components_start_after_components_that_exist(tmp_path: Path) -> None:
    """Every dependency names a component that comes before it, so that the start cannot deadlock."""
    seen: set[str] = set()
    for component in _components(Paths(checkout=tmp_path)):
        assert seen.issuperset(component.after)
        assert component.name not in seen
        seen.add(component.name)


def test_supervisor_restarts_everything_and_starts_nothing_by_itself(tmp_path: Path) -> None:
    """The configuration reads back: each program with its command, restarted when it dies; the socket is private."""
    everything = _components(Paths(checkout=tmp_path))
    text = supervisor.configuration(Paths(checkout=tmp_path), everything, password="50%")  # noqa: S106 - made up
    config = configparser.RawConfigParser()
    config.read_string(text)
    for component in everything:
        section = config[f"program:{component.name}"]
        assert tuple(shlex.split(section["command"].replace("%%", "%"))) == component.command
        assert (section["autostart"], section["autorestart"]) == ("false", "true")
    assert config["unix_http_server"]["chmod"] == "0600"
