"""A project of the drill's own: the program of this checkout, and a stack file that nobody else edits.

A release is an edit of a stack file. The drill edits a copy of ``Pulumi.local.yaml`` in ``.state/drill``, so that an
interrupted drill leaves nothing in Git's way. Everything else is the checkout's, by links.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from drill.errors import DrillError
from infra import release_states, settings
from infra.releases import Step
from rollout.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.releases import Release

STACK = "local"
_LINKS = ("infra", "model_build", "policies", "rollout", "client", "local", "tools", "releases", ".venv")
_PREFIX = f"{settings.PROJECT}:"
# Two of each, so that a pod may be deleted; a slot of one is without for the seconds until the next is ready.
REPLICAS = 2
# Who releases sits on another machine than what is released; here pods come first.
_GENTLY = ("nice", "-n", "10")
# Characters of what Pulumi said that are enough to see why it failed.
_SHOWN = 4000


@dataclass(frozen=True, kw_only=True)
class Project:
    """The drill's project.

    Attributes:
        checkout: whose program is run.
        folder: with the stack file.
        service: the one that is released.
    """

    checkout: Path
    folder: Path
    service: str

    @property
    def stack_file(self) -> Path:
        """The drill's stack file."""
        return settings.stack_file(STACK, self.folder)

    def make(self) -> None:
        """Make the project, with the stack file as it is in the checkout."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in _LINKS:
            link = self.folder / name
            if not link.is_symlink():
                link.symlink_to(self.checkout / name)
        cluster = self.folder / ".state" / "cluster"
        if not cluster.is_symlink():
            cluster.parent.mkdir(exist_ok=True)
            cluster.symlink_to(self.checkout / ".state" / "cluster")
        document = yaml.safe_load((self.checkout / "Pulumi.yaml").read_text(encoding="utf-8"))
        document["main"] = str(self.checkout)
        document["runtime"]["options"]["virtualenv"] = str(self.checkout / ".venv")
        (self.folder / "Pulumi.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        shutil.copy(settings.stack_file(STACK, self.checkout), self.stack_file)

    def remove(self) -> None:
        """Remove it: what is deployed is what the checkout's stack file says."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def wanted(self) -> Release:
        """The release of the checkout's stack file, which is there before a drill and after it."""
        return self._release(self.checkout)

    def written(self) -> Release:
        """The release of the drill's stack file."""
        return self._release(self.folder)

    def write(self, release: Release) -> None:
        """Put a release into the drill's stack file, whatever is there."""
        document = yaml.safe_load(self.stack_file.read_text(encoding="utf-8"))
        for service in document["config"][f"{_PREFIX}services"]:
            if service["name"] == self.service:
                service["release"] = json.loads(release.model_dump_json(exclude_none=True))
                # Two slots of two, a baseline, the comparator and a pod in surge: on two CPUs, and without GPUs, which
                # are simulated here and too few.
                service["resources"] |= {"gpus": 0, "cpu": "150m"}
        self.stack_file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    def apply(self) -> None:
        """Run ``pulumi up`` with the drill's stack file, and with the policies.

        Raises:
            DrillError: it failed; what it said is in the message.
        """
        environment = self.environment()
        copy = environment["INFERSTACK_STACK_FILE"]
        shutil.copy(self.stack_file, copy)
        command = (*_GENTLY, "pulumi", "up", "--stack", STACK, "--config-file", copy, "--policy-pack", "policies")
        options = ("--yes", "--skip-preview", "--non-interactive", "--suppress-progress", "--suppress-outputs")
        # In a session of its own: an interrupt ends it in order, where one of all processes would leave half an update.
        with subprocess.Popen(
            [*command, *options],
            cwd=self.checkout,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                process.communicate()
                raise
        if process.returncode:
            raise DrillError(f"pulumi up failed:\n{said[-_SHOWN:]}")

    def rollout(self, command: str, *options: str) -> subprocess.Popen[str]:
        """Start the release command on the drill's stack file; its standard output is JSON.

        In a session of its own, so that Ctrl-C reaches the drill alone, which then ends the command in order.
        """
        place = ("--stack", STACK, "--service", self.service, "--project", str(self.folder))
        return subprocess.Popen(
            [*_GENTLY, sys.executable, "-m", "rollout", command, *place, "--json", "--yes", *options],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def outputs(self) -> Mapping[str, Any]:
        """The outputs of the last update.

        Raises:
            DrillError: the local stack is not up.
        """
        answer = self._python("local.stack", "outputs")
        return json.loads(answer)

    def rolled_back(self, *, since: float) -> float | None:
        """When the release command began its first rollback after a time, in seconds since 1970; None if it did not."""
        journal = Journal(self.folder / ".state" / "rollout" / STACK / f"{self.service}.jsonl")
        times = (entry.time.timestamp() for entry in journal.read() if entry.step is Step.ROLLBACK)
        return min((time for time in times if time >= since), default=None)

    @property
    def is_left(self) -> bool:
        """Whether a drill was cut off, and what it left is still there to be mended."""
        return self.folder.exists() and (self.checkout / ".state" / "cluster" / "pulumi").exists()

    def deployed(self) -> Release:
        """The release that is deployed.

        Raises:
            DrillError: none is.
        """
        record = self.outputs().get("releases", {}).get(self.service)
        if record is None:
            raise DrillError(f"{self.service} is not deployed; run `make up`")
        return release_states.parse(record).release

    def _release(self, folder: Path) -> Release:
        services = settings.read(STACK, folder).services
        found = next((each for each in services if each.name == self.service), None)
        if found is None:
            raise DrillError(f"Pulumi.{STACK}.yaml has no service {self.service!r}")
        return found.release

    def environment(self) -> dict[str, str]:
        """The environment in which pulumi and kubectl work on the local stack."""
        variables = json.loads(self._python("local.stack", "env", "--json"))
        return {**os.environ, **variables}

    def _python(self, *arguments: str) -> str:
        answer = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=self.checkout, capture_output=True, text=True, check=False
        )
        if answer.returncode:
            raise DrillError(answer.stderr.strip())
        return answer.stdout
