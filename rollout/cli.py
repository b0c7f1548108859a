"""The command ``python -m rollout``."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from infra.releases import StepRefusedError
from infra.settings.errors import SettingsError
from rollout.errors import ExitCode, RolloutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rollout.commands import Commands, Result

    _Function = Callable[..., Result]

PROJECT = Path(__file__).resolve().parents[1]
_INTERRUPTED = 130
_LOG_COLUMNS = 140


class _Sentences(click.Group):
    """Turns what a user can act on into a sentence and the exit code that belongs to it."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RolloutError as error:
            text, code = str(error), int(error.code)
        except SettingsError as error:
            text, code = str(error), int(ExitCode.USAGE)
        except StepRefusedError as error:
            text, code = f"refused: {error}", int(ExitCode.FAILED)
        except BrokenPipeError:
            raise  # whoever read has seen enough; click ends quietly
        except OSError as error:
            text, code = str(error), int(ExitCode.FAILED)
        except (KeyboardInterrupt, click.Abort):  # also at a question
            text, code = "interrupted. What is there now: python -m rollout status", _INTERRUPTED
        click.echo(f"error: {text}", err=True)
        raise click.exceptions.Exit(code)


_COMMON = (
    click.option("--stack", required=True, help="The stack: local, dev, staging, prod."),
    click.option("--service", help="The service; may be left out where the stack has one only."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON on the standard output."),
    click.option(
        "--project",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=PROJECT,
        help="The folder with Pulumi.yaml and the stack files; by default this checkout.",
    ),
)
_CHANGING = (
    click.option("--yes", is_flag=True, help="Do not ask."),
    click.option("--force", is_flag=True, help="Go on without evidence, or against it. Needs --reason."),
    click.option("--reason", help="Why; it is written into the journal and the commit."),
    click.option(
        "--commit",
        "branch",
        metavar="BRANCH",
        help="Commit the stack file on this branch, made if it is new; without, a patch is printed.",
    ),
)
_BEGINNING = (
    click.option("--version", help="Begin a release of this version."),
    click.option("--replicas", type=click.IntRange(1, 100), help="Of the new version; by default those of the other."),
)


def _command(*options: Callable[[Any], Any], changing: bool = False) -> Callable[[_Function], Any]:
    """Make a command of a function that is given the commands and its own options."""

    def decorate(function: _Function) -> Any:  # noqa: ANN401  # click's commands
        @functools.wraps(function)
        def run(*, stack: str, service: str | None, project: Path, as_json: bool, **own: Any) -> None:  # noqa: ANN401  # options
            commands = _commands(function.__name__, stack, service, project, as_json=as_json)
            try:
                if changing:
                    asked = {name: own.pop(name) for name in ("yes", "force", "reason", "branch")}
                    commands.changing(**asked)
                code, data = function(commands, **own)
            finally:
                commands.close()
            if data is not None:
                click.echo(json.dumps(data, indent=2, default=str))
            sys.exit(int(code))

        every = (*_COMMON, *(_CHANGING if changing else ()), *options)
        return main.command()(functools.reduce(lambda wrapped, option: option(wrapped), reversed(every), run))

    return decorate


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Drive the release of a service: step by step, by evidence, and back.

    Exit codes: 0 done; 1 refused or failed; 2 wrong usage or settings; 3 hold: not enough evidence yet; 4 the evidence
    was against the new version, and it was rolled back; 130 interrupted.

    For the stack local nothing is to be prepared. Elsewhere: credentials, PULUMI_BACKEND_URL, and the cluster's context
    in the kubeconfig, as for `pulumi up`.
    """


@_command()
def status(commands: Commands) -> Result:
    """Show slots, versions, weights and readiness: in Git, in the stack file, deployed, in the cluster."""
    return commands.status()


@_command(*_BEGINNING)
def plan(commands: Commands, *, version: str | None, replicas: int | None) -> Result:
    """Show the next step: what changes in the stack file and in the cluster, and what policies say. Changes nothing."""
    return commands.plan(version=version, replicas=replicas)


@_command(
    *_BEGINNING,
    click.option("--keep", is_flag=True, help="If the evidence is against the new version: change nothing, code 4."),
    changing=True,
)
def advance(commands: Commands, *, version: str | None, replicas: int | None, keep: bool) -> Result:
    """Take the next step, if the evidence allows it.

    That is the step that the stack file is ahead of what is deployed; where it is not, the one that follows.
    """
    return commands.advance(version=version, replicas=replicas, keep=keep)


@_command(changing=True)
def rollback(commands: Commands) -> Result:
    """Lead all requests back to the version that was good before; touches the service's own resources alone."""
    return commands.rollback()


@_command(changing=True)
def abort(commands: Commands) -> Result:
    """End a release from wherever it is: the version that was good before is alone afterwards."""
    return commands.abort()


@_command(
    click.option(
        "--hold-minutes",
        type=click.FloatRange(min=0),
        default=120.0,
        show_default=True,
        help="How long a step may stay without a verdict, beyond its pause, before this ends with code 3.",
    ),
    click.option(
        "--every", type=click.FloatRange(min=1), default=30.0, show_default=True, help="Seconds from look to look."
    ),
    changing=True,
)
def watch(commands: Commands, *, hold_minutes: float, every: float) -> Result:
    """Drive a release to its end: pauses, verdicts and steps, or back. Ctrl-C ends the watch, and a step in order."""
    return commands.watch(hold_minutes=hold_minutes, every=every)


def _commands(command: str, stack: str, service: str | None, project: Path, *, as_json: bool) -> Commands:
    from rollout import place  # noqa: PLC0415  # loads far more than --help needs
    from rollout.commands import Commands  # noqa: PLC0415  # as above

    # A table that is read in a log is not folded at the 80 columns that a missing terminal counts as.
    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _LOG_COLUMNS)
    found = place.find(stack, service, project)
    return Commands(found, command=command, console=console, as_json=as_json)
