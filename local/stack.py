"""Pulumi on the ``local`` stack, with a backend and a passphrase of this checkout's own.

The stack's state lies beside the embedded cluster's, so that both begin and end together. Pulumi writes an encryption
salt into the stack file that it is given; it is given a copy, so that the tracked file holds only what a person wrote.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psutil

from infra import settings
from infra.settings.errors import SettingsError
from local.errors import ClusterError
from local.paths import Paths, write_private
from tools.environment import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

STACK = "local"


@dataclass(frozen=True, kw_only=True)
class StackPaths:
    """Where Pulumi keeps what it knows of the stack."""

    checkout: Path
    folder: Path

    @classmethod
    def of(cls, paths: Paths, cluster: settings.Cluster, folder: Path) -> StackPaths:
        """Beside the embedded cluster's state, or below the stack file's folder for a cluster that lives longer."""
        embedded = isinstance(cluster, settings.EmbeddedCluster)
        folder = paths.state / "pulumi" if embedded else folder / ".state" / "pulumi"
        return cls(checkout=paths.checkout, folder=folder)

    @property
    def passphrase(self) -> Path:
        """What the stack's secrets are encrypted with."""
        return self.folder / "passphrase"

    @property
    def stack_file(self) -> Path:
        """The copy of the stack file that Pulumi may write to."""
        return self.folder / f"Pulumi.{STACK}.yaml"

    @property
    def locks(self) -> Path:
        """Pulumi's lock files of the stack."""
        return self.folder / ".pulumi" / "locks" / "organization" / settings.PROJECT / STACK

    @property
    def checkpoint(self) -> Path:
        """Pulumi's state of the stack."""
        return self.folder / ".pulumi" / "stacks" / settings.PROJECT / f"{STACK}.json"


class LocalStack:
    """The ``local`` stack of one checkout."""

    def __init__(self, paths: Paths, *, folder: Path | None = None) -> None:
        """Read the stack file.

        Args:
            paths: of the checkout whose program and cluster are used.
            folder: where the stack file lies, if not in the checkout's root.

        Raises:
            SettingsError: it is not what :mod:`infra.settings` allows.
        """
        folder = folder or paths.checkout
        self._source = settings.stack_file(STACK, folder)
        self.settings = settings.read(STACK, folder)
        self._paths = StackPaths.of(paths, self.settings.cluster, folder)
        self.variables = {
            **environment(),
            "PULUMI_BACKEND_URL": f"file://{self._paths.folder}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._paths.passphrase),
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
            "INFERSTACK_STACK_FILE": str(self._paths.stack_file),
            # Engine and providers end in seconds and hold little: collect their garbage less often.
            "GOGC": "400",
            # Let the program and the rules be compiled once, also where the environment says otherwise.
            "PYTHONDONTWRITEBYTECODE": "",
        }
        if isinstance(self.settings.cluster, settings.EmbeddedCluster):
            self.variables["BUILDX_CONFIG"] = str(paths.buildx_instance.parent.parent)
        # A passphrase of the user's own stacks would win over the file.
        others = {name: value for name, value in os.environ.items() if name != "PULUMI_CONFIG_PASSPHRASE"}
        self.environment = {**others, **self.variables}

    @property
    def exists(self) -> bool:
        """Whether there is a state of it."""
        return self._paths.checkpoint.exists()

    def prepare(self) -> None:
        """Make what Pulumi needs before it can run: a passphrase, an empty state, a copy of the stack file."""
        if not self._paths.passphrase.exists():
            write_private(self._paths.passphrase, secrets.token_urlsafe(32))
        if not self.exists:
            scratch = self._paths.folder / "init"
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            shutil.copy(self._paths.checkout / "Pulumi.yaml", scratch)
            self._pulumi("stack", "init", STACK, "--no-select", "-C", str(scratch))
            shutil.rmtree(scratch)
        shutil.copy(self._source, self._paths.stack_file)
        self._release_dead_locks()
        self._switch_engine_log_off()

    def update(self, command: str, arguments: Sequence[str] = ()) -> int:
        """Run `pulumi up`, `preview` or `destroy`; the first two with the policies.

        Returns:
            Pulumi's exit status; what it says went to this process's output.
        """
        self.prepare()
        pack = [] if command == "destroy" else ["--policy-pack", "policies"]
        confirmed = [] if command == "preview" else ["--yes"]
        full = ["--stack", STACK, "--config-file", str(self._paths.stack_file), "--non-interactive", *pack, *confirmed]
        process = subprocess.Popen(
            [self._tool(), command, *full, *arguments], cwd=self._paths.checkout, env=self.environment
        )
        # Ctrl-C reaches Pulumi too, and Pulumi then ends the update in order: wait for it.
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGINT, previous)

    def outputs(self) -> dict[str, Any]:
        """The outputs of the last update.

        Raises:
            ClusterError: there was none.
        """
        if not self.exists:
            raise ClusterError("the local stack is not up: run `make up`")
        return json.loads(self._pulumi("stack", "output", "--stack", STACK, "--json"))

    def _tool(self) -> str:
        found = shutil.which("pulumi", path=self.environment["PATH"])
        if found is None:
            raise ClusterError("pulumi is neither on PATH nor in .tools/bin: run `make tools`")
        return found

    def _pulumi(self, *arguments: str) -> str:
        answer = subprocess.run(
            [self._tool(), *arguments, "--non-interactive"],
            cwd=self._paths.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            raise ClusterError(f"pulumi {' '.join(arguments[:2])} failed: {answer.stderr.strip()}")
        return answer.stdout

    def _release_dead_locks(self) -> None:
        """An update that was killed leaves its lock; one whose process is gone holds nothing."""
        for lock in self._paths.locks.glob("*.json"):
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError, KeyError):
                holder = json.loads(lock.read_text(encoding="utf-8"))["pid"]
                if not _runs(holder):
                    lock.unlink()

    def _switch_engine_log_off(self) -> None:
        """Spare the log of every property of every resource that Pulumi 3.259 compresses into its home.

        It takes about half of the engine's CPU time, and there is no setting; where Pulumi cannot make the folder, it
        goes on without. An official Pulumi keeps its home to itself.
        """
        if home := self.variables.get("PULUMI_HOME"):
            log = Path(home) / "logs"
            if log.is_dir():
                shutil.rmtree(log)
            log.touch()


def _runs(pid: int) -> bool:
    try:
        # One that was killed and that nobody has asked for its status yet has ended too.
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class _Sentences(click.Group):
    """Turns what a user can mend into one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (SettingsError, ClusterError, OSError) as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(1)


def _run(command: str, arguments: Sequence[str] = ()) -> None:
    status = LocalStack(Paths.of_this_checkout()).update(command, arguments)
    if status:
        click.echo(f"pulumi {command} ended with status {status}: what stopped it is above.", err=True)
    sys.exit(status)


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run Pulumi on the local stack, with its policies. Further arguments go to Pulumi as they are."""


_pass_through = {"ignore_unknown_options": True}


@main.command(context_settings=_pass_through)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def up(arguments: tuple[str, ...]) -> None:
    """Apply Pulumi.local.yaml."""
    _run("up", arguments)


@main.command(context_settings=_pass_through)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def preview(arguments: tuple[str, ...]) -> None:
    """Show what `up` would change."""
    _run("preview", arguments)


@main.command()
def destroy() -> None:
    """Take the stack off a cluster that goes on living (cluster.kind: existing)."""
    stack = LocalStack(Paths.of_this_checkout())
    if stack.exists and not isinstance(stack.settings.cluster, settings.EmbeddedCluster):
        _run("destroy")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def env(*, as_json: bool) -> None:
    """Print the environment in which `pulumi` works on the local stack: eval "$(python -m local.stack env)"."""
    stack = LocalStack(Paths.of_this_checkout())
    stack.prepare()
    variables = stack.variables
    if as_json:
        click.echo(json.dumps(variables, indent=2))
        return
    click.echo("unset PULUMI_CONFIG_PASSPHRASE")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    usage = 'pulumi preview --stack local --config-file "$INFERSTACK_STACK_FILE" --policy-pack policies'
    click.echo(f"now, for example: {usage}", err=True)


@main.command()
def outputs() -> None:
    """Print the stack's outputs as JSON."""
    click.echo(json.dumps(LocalStack(Paths.of_this_checkout()).outputs(), indent=2))


if __name__ == "__main__":
    main()
