"""The command `python -m local`."""

import errno
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import click
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from infra import settings
from infra.settings.errors import SettingsError
from local import cleanup, lifecycle, preflight
from local import status as statuses
from local.api import ApiError
from local.errors import ClusterError
from local.faults.command import fault
from local.monitoring import alerts, prometheus, trace
from local.options import ClusterOptions
from local.paths import Paths
from local.progress import Progress
from local.toolbox import Toolbox


class _Sentences(click.Group):
    """Turns what a user can act on into one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ApiError as error:
            text = f"the API server did not do its part ({error}): see `python -m local logs apiserver`, then try again"
        except (ClusterError, SettingsError) as error:
            text = str(error)
        except BrokenPipeError:
            raise  # who reads the output has gone: click knows
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            what = "free some space" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "put that right"
            text = f"{where}{error.strerror or error}: {what}, then run the command again"
        click.echo(f"error: {text}", err=True)
        raise click.exceptions.Exit(1)


def _range_of(model: type[BaseModel], field: str) -> click.IntRange:
    """Return the numbers that the stack file allows for a field."""
    limits = model.model_json_schema()["properties"][field]
    return click.IntRange(limits["minimum"], limits["maximum"])


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The embedded Kubernetes cluster of this checkout, and what watches it.

    Exit codes: 0 done (or nothing to do), 1 something is missing or failed, 2 wrong usage.
    """


@main.command()
def check() -> None:
    """Say at once what this machine lacks for the cluster that Pulumi.local.yaml asks for. Needs no tools."""
    paths = Paths.of_this_checkout()
    options = ClusterOptions.of(settings.read("local", paths.checkout))
    if options is not None:
        preflight.check_machine(paths, options)


@main.command()
@click.option(
    "--gpus",
    type=_range_of(settings.EmbeddedCluster, "gpus"),
    help="Simulated GPUs of the real node, instead of what Pulumi.local.yaml says.",
)
@click.option(
    "--gateway-port",
    type=_range_of(settings.Gateway, "node_port"),
    help="Port on 127.0.0.1 for the stack's gateway, instead of the same.",
)
def up(gpus: int | None, gateway_port: int | None) -> None:
    """Start the cluster that Pulumi.local.yaml asks for, and wait until it is ready. Does nothing if it is."""
    paths = Paths.of_this_checkout()
    wanted = settings.read("local", paths.checkout)
    with Progress(Console(), title="cluster up") as progress:
        options = ClusterOptions.of(wanted)
        if options is None:
            progress.note(f"cluster.kind is {wanted.cluster.kind}: there is none to start")
            return
        options = replace(
            options,
            gpus=options.gpus if gpus is None else gpus,
            gateway_port=options.gateway_port if gateway_port is None else gateway_port,
        )
        started = lifecycle.up(paths, options, Toolbox(paths.tools), progress)
        progress.note(f"ready after {progress.seconds:.1f} s" if started else "is up already")


@main.command()
def down() -> None:
    """Stop the cluster and remove all of it: processes, mounts, links, packet rules, control groups, state."""
    paths = Paths.of_this_checkout()
    preflight.check_access(paths)
    with Progress(Console(), title="cluster down") as progress:
        if not cleanup.anything_left(paths):
            progress.note("nothing to remove")
            return
        with lifecycle.machine_lock(progress):
            removed = cleanup.down(paths, progress)
        progress.note(f"removed after {progress.seconds:.1f} s" if removed else "nothing to remove")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> None:
    """Show what runs. Exit code 0 if the cluster is up, 1 otherwise."""
    paths = Paths.of_this_checkout()
    preflight.check_access(paths)
    found = statuses.read(paths)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        _print(found)
    sys.exit(0 if found.state == "up" else 1)


@main.command()
@click.argument("name")
@click.option("--follow", is_flag=True, help="Print new lines as they come, until interrupted.")
@click.option("--lines", type=click.IntRange(min=0), default=100, show_default=True, help="How many of the last lines.")
def logs(name: str, lines: int, *, follow: bool) -> None:
    """Print the log of the component NAME."""
    paths = Paths.of_this_checkout()
    preflight.check_access(paths)
    log = paths.log(name)
    if not log.exists():
        known = ", ".join(sorted(file.stem for file in paths.logs.glob("*.log"))) or "none: the cluster is down"
        raise ClusterError(f"there is no log of {name!r}; there are: {known}")
    _tail(log, lines=lines, follow=follow)


def _tail(log: Path, *, lines: int, follow: bool) -> None:
    with log.open(errors="replace") as file:
        last = file.readlines()
        click.echo("".join(last[len(last) - min(lines, len(last)) :]), nl=False)
        while follow:
            if line := file.readline():
                click.echo(line, nl=False)
            else:
                time.sleep(0.2)


def _print(found: statuses.ClusterStatus) -> None:
    console = Console()
    console.print(f"cluster: {found.state}", highlight=False)
    if not found.components:
        return
    table = Table("component", "state", "pid", "up", "MiB", box=None)
    for one in found.components:
        table.add_row(one.name, one.state.lower(), str(one.pid or "-"), f"{one.seconds} s", f"{one.memory_mib:.0f}")
    console.print(table)
    console.print(f"all its processes: {found.memory_mib:.0f} MiB resident; pods: {found.pods_memory_mib:.0f} MiB")
    if found.cluster:
        console.print(f"KUBECONFIG={found.cluster['kubeconfig']}", soft_wrap=True, highlight=False)


for command in (fault, alerts, prometheus, trace):
    main.add_command(command)

if __name__ == "__main__":
    main()
