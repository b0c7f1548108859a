"""Pulumi in a rehearsal: the real engine with a throw-away state, and none of the caller's credentials."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from rehearsal import events
from rehearsal.errors import RehearsalError
from rehearsal.folder import MARK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rehearsal.events import Outcome
    from rehearsal.folder import Folder

PROJECT = "inferstack"
# Of infra.deployed: the stack file that stands in where nothing is deployed yet.
BASE_STACK_FILE = "INFERSTACK_BASE_STACK_FILE"
_POLL_SECONDS = 0.2
# An update that is asked to end waits for the step it is at.
_END_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a preview or an update ended: what it said, and its exit status."""

    outcome: Outcome
    status: int
    output: str


class Pulumi:
    """One stack in a state of its own.

    Args:
        folder: of the rehearsal.
        stack: its name.
        home: PULUMI_HOME, with the plugins.
        path: PATH for the engine and all that it starts.

    Attributes:
        environment: the whole one of the engine and of all that it starts.
    """

    def __init__(self, folder: Folder, *, stack: str, home: Path, path: str) -> None:
        self._folder = folder
        self._stack = stack
        self._path = path
        self._base: Path | None = None
        self.environment = {
            "PATH": f"{folder.bin}{os.pathsep}{path}",
            "HOME": str(folder.home),
            "TMPDIR": str(folder.home),
            "LANG": "C.UTF-8",
            MARK: str(folder.told),
            "KUBECONFIG": str(folder.kubeconfig),
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{folder.pulumi}",
            "PULUMI_CONFIG_PASSPHRASE": secrets.token_urlsafe(16),
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_COMMANDS": "true",
            # The state is written once, at the end, and not after each resource: nobody needs it if this is cut off.
            "PULUMI_EXPERIMENTAL": "true",
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "PULUMI_K8S_CLIENT_QPS": "100",
            "PULUMI_K8S_CLIENT_BURST": "200",
            # Whatever asks for credentials after all finds none, and asks no service of the machine.
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            # Engine and plugins end in seconds and hold little: collect their garbage less often.
            "GOGC": "400",
        }

    def create(self, project: Path) -> None:
        """Make the empty stack."""
        scratch = self._folder.pulumi / "init"
        scratch.mkdir()
        shutil.copy(project / "Pulumi.yaml", scratch)
        self._run("stack", "init", self._stack, "--no-select", "--cwd", str(scratch))
        shutil.rmtree(scratch)

    def preview(self, project: Path, *, rules: Path | None, watch: Watch) -> Ended:
        """Show what an update would do."""
        return self._update("preview", project, [], rules=rules, watch=watch)

    def up(self, project: Path, *, rules: Path | None, watch: Watch) -> Ended:
        """Apply the program."""
        return self._update("up", project, ["--yes", "--skip-preview"], rules=rules, watch=watch)

    def state(self) -> list[dict[str, Any]]:
        """Every resource of the state; secrets stay encrypted."""
        exported = json.loads(self._run("stack", "export", "--stack", f"organization/{PROJECT}/{self._stack}"))
        return cast("list[dict[str, Any]]", exported["deployment"].get("resources") or [])

    def unprotect(self) -> None:
        """Let replacements and deletions of protected resources be shown: the state is thrown away."""
        self._run("state", "unprotect", "--all", "--yes", "--stack", f"organization/{PROJECT}/{self._stack}")

    def _update(
        self, command: str, project: Path, arguments: Sequence[str], *, rules: Path | None, watch: Watch
    ) -> Ended:
        log = self._folder.log(f"{command}-{time.monotonic_ns()}").with_suffix(".events")
        packs = ["--policy-pack", str(rules)] if rules else []
        # The state is empty at first: what is in the middle of a release is taken as it is, and the rules of change
        # look for other stacks beside it.
        self._base = self._base or project
        base = {BASE_STACK_FILE: str(self._base / f"Pulumi.{self._stack}.yaml")}
        begin = time.monotonic()
        with log.with_suffix(".log").open("w+", encoding="utf-8", errors="replace") as said:
            process = subprocess.Popen(
                [
                    *(self._tool(), command, "--stack", self._stack, "--non-interactive", "--color", "never"),
                    *("--event-log", str(log), *packs, *arguments),
                ],
                cwd=project,
                env=self.environment | base,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the rehearsal, which ends this
            )
            _wait(process, log, watch)
            said.seek(0)
            output = said.read()
        outcome = events.read(log, seconds=time.monotonic() - begin)
        return Ended(outcome=outcome, status=process.returncode, output=output)

    def _tool(self) -> str:
        found = shutil.which("pulumi", path=self._path)
        if found is None:
            raise RehearsalError("pulumi is neither on PATH nor in .tools/bin: run `make tools`")
        return found

    def _run(self, *arguments: str) -> str:
        answer = subprocess.run(
            [self._tool(), *arguments, "--non-interactive"],
            cwd=self._folder.pulumi,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            raise RehearsalError(f"pulumi {' '.join(arguments[:2])} failed: {answer.stderr.strip()}")
        return answer.stdout


Watch = Callable[[int], bool]
"""Told how many resources are done, several times a second; says whether the update should go on."""


def _wait(process: subprocess.Popen[str] | subprocess.Popen[bytes], log: Path, watch: Watch) -> None:
    asked: float | None = None
    finished = events.Finished(log)
    while True:
        try:
            process.wait(timeout=_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        else:
            return
        if asked is None and not watch(finished.count()):
            process.send_signal(signal.SIGINT)
            asked = time.monotonic()
        elif asked is not None and time.monotonic() - asked > _END_SECONDS:
            process.kill()
