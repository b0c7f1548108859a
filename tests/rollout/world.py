"""A stack of services without a cluster: a real engine and state, files for objects, an HTTP server for the gateway."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from infra import routing
from rollout.cli import main
from rollout.journal import Entry, Journal, parse_release
from tools.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from email.message import Message

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
STACK = "test"
STACK_FILE = """\
# By a person.
config:
  inferstack:cluster:
    kind: embedded
    gpus: 4
  inferstack:monitoring:
    retention_days: 8
    runbooks: https://example.com/runbooks
    receivers:
      - name: log
        kind: log
    default_receiver: log
    dead_mans_switch: log
    traces:
      sampling: 0
  inferstack:pools:
    - name: gpu
      variant: cpu
  inferstack:services:
{services}"""
SERVICE = """\
    - name: {name}
      task: text-classification
      pool: gpu
      team: language
      objective:
        availability: 99
        latency: {{quantile: 95, seconds: 0.25}}
        window_days: 7
      release:
        strategy: canary  # {name}
        pause_minutes: 0
        baseline: false
        stable:
          version: 0.1.0
          replicas: 1
          weight: 100
"""
SECONDS = 300.0


@dataclass(frozen=True)
class World:
    """One stack in a folder of its own."""

    project: Path
    gateway: str

    @property
    def files(self) -> Path:
        """What is there instead of a cluster."""
        return self.project / "world"

    @property
    def stack_file(self) -> Path:
        """What a person edits."""
        return self.project / f"Pulumi.{STACK}.yaml"

    @property
    def environment(self) -> dict[str, str]:
        """Of the command."""
        tools = environment()
        return {
            **os.environ,
            **tools,
            "PATH": f"{self.project / 'bin'}{os.pathsep}{tools['PATH']}",
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONDONTWRITEBYTECODE": "",
            "PULUMI_BACKEND_URL": f"file://{self.project / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_PYTHON_CMD": sys.executable,
            "WORLD": str(self.files),
            "GATEWAY": self.gateway,
            "GOGC": "400",
        }

    def route(self, service: str = "own") -> dict[str, int]:
        """The weights in force."""
        found = json.loads((self.files / f"route-{service}.json").read_text())["weights"]
        return {slot: int(weight) for slot, weight in found.items()}

    def slots(self, service: str = "own") -> dict[str, str]:
        """The versions that run, by slot."""
        found = [json.loads(file.read_text()) for file in self.files.glob(f"slot-{service}-*.json")]
        return {each["slot"]: each["version"] for each in found}

    def journal_file(self, service: str = "own") -> Path:
        """Where the command writes down what it does."""
        return self.project / ".state" / "rollout" / STACK / f"{service}.jsonl"

    def journal(self, service: str = "own") -> list[Entry]:
        """What the command wrote down."""
        return Journal(self.journal_file(service)).read()

    def start(self, *arguments: str, module: str = "rollout", before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """Start the command."""
        command, *options = arguments
        where = ["--stack", STACK, "--project", str(self.project)]
        return subprocess.Popen(
            [sys.executable, "-m", module, *before, command, *where, *options],
            cwd=CHECKOUT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0, service: str = "own") -> tuple[dict[str, Any], str]:
        """Run the command to its end; its JSON, and what it said."""
        command, *options = arguments
        where = ["--stack", STACK, "--project", str(self.project), "--service", service, "--json"]
        # In this process: it has loaded already what each process would load anew.
        result = CliRunner().invoke(main, [command, *where, *options], env=self.environment)
        assert result.exit_code == code, result.output
        return (json.loads(result.stdout) if result.stdout else {}), result.stderr

    def kill_at(self, phase: str, *arguments: str) -> None:
        """Run the command until its journal has a phase; then it is killed as nothing can catch."""
        process = self.start(*arguments, "--service", "own", module="tests.rollout.killed", before=(phase,))
        _, said = process.communicate(timeout=SECONDS)
        assert process.returncode == -9, said

    def pulumi(self, *arguments: str) -> str:
        """Run Pulumi as a person would."""
        process = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--stack", STACK],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def copy(self, to: Path) -> World:
        """Another, as this one is now; its links keep the gateway's address."""
        shutil.copytree(self.project, to, symlinks=True)
        return World(to, self.gateway)


def wait_for(condition: Callable[[], bool], *, seconds: float = SECONDS) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def make(project: Path, gateway: str, services: tuple[str, ...]) -> World:
    """A stack with these services, each at rest at 0.1.0, applied."""
    shutil.copytree(HERE / "project", project, ignore=shutil.ignore_patterns("__pycache__"))
    world = World(project, gateway)
    (project / "backend").mkdir()
    world.files.mkdir()
    (project / "bin").mkdir()
    kubectl = project / "bin" / "kubectl"
    kubectl.write_text(f'#!/bin/sh\nexec {sys.executable} -S {HERE / "kubectl.py"} "$@"\n')
    kubectl.chmod(0o755)
    (project / ".state" / "cluster").mkdir(parents=True)
    (project / ".state" / "cluster" / "cluster.json").write_text('{"context": "test", "kubeconfig": "none"}')
    world.stack_file.write_text(STACK_FILE.format(services="".join(SERVICE.format(name=name) for name in services)))
    written = world.stack_file.read_text()
    world.pulumi("stack", "init")
    world.pulumi("up", "--yes", "--skip-preview")
    world.stack_file.write_text(written)  # without the salt
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    (project / ".gitignore").write_text(".state\nbackend\nworld\nbin\n__pycache__\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "begin"]):
        subprocess.run([*git, *arguments], cwd=project, check=True)
    return world


@contextmanager
def gateway(root: Path) -> Generator[str]:
    """A gateway for all worlds below a folder: ``http://…/<folder>/<service>/v1/predict``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(405)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(200)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

        def _answer(self, status: int) -> None:
            slot, version = _split(root, self.path, self.headers)
            is_broken = status == HTTPStatus.OK and (_current(root) / f"failing-{version}").exists()
            self.send_response(HTTPStatus.INTERNAL_SERVER_ERROR if is_broken else status)
            self.send_header("Content-Length", "0")
            self.send_header(routing.SLOT_HEADER, slot)
            self.send_header(routing.VERSION_HEADER, version)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _current(root: Path) -> Path:
    """What is there in the world in use: copies have the endpoint of what they are copies of."""
    return Path(json.loads((root / "current").read_text())) / "world"


def _split(root: Path, path: str, headers: Message) -> tuple[str, str]:
    _, _, service, *_ = path.split("/")
    route = json.loads((_current(root) / f"route-{service}.json").read_text())
    release = parse_release(json.loads(route["release"]))
    slots = dict(routing.slots(release))
    slot = headers.get(routing.SLOT_HEADER)
    bucket = headers.get(routing.USER_BUCKET_HEADER)
    if slot is None and bucket is not None:
        shares = routing.shares(release)
        slot = routing.owner(shares, int(bucket))
    if slot is None:
        backends = routing.backends(release)
        slot = random.choices([each.slot for each in backends], [each.weight for each in backends])[0]  # noqa: S311  # no secret
    return slot, slots[slot].version
