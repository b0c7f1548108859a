"""``python -m infra.bootstrap``: what a stack on AWS needs before its first ``pulumi up``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from infra.bootstrap import account, run, target, trail
from infra.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.bootstrap.account import Account
    from infra.bootstrap.run import State
    from infra.bootstrap.target import Target

ROOT = Path(__file__).resolve().parents[2]
MISSING = 3


class _ApplyByDefault(click.Group):
    """A group whose first command may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args.insert(0, "apply")
        return super().parse_args(ctx, args)


stack_option = click.option("--stack", required=True, help="The stack, whose file says account and region.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=_ApplyByDefault, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    r"""Make what a stack on AWS needs before Pulumi can run: a bucket for its state, a key for its secrets.

    A run that was cut off can be run again; a second run changes nothing. Without a command: apply.

    \b
    Exit status: 0 done, 1 something is wrong and standard error says what, 2 wrong usage,
    3 `check` found something missing.
    """


@main.command()
@stack_option
@json_option
def apply(stack: str, *, as_json: bool) -> None:
    """Make what is missing, and say what was there."""
    try:
        place = target.read(stack, ROOT)
        there = account.connect(place)
        states = _show(run.apply(there), quiet=as_json)
        _advise(there)
    except SettingsError as error:
        _fail(error)
    made = sum(state == "made" for state in states.values())
    if as_json:
        _print_json(place, states)
    elif made:
        click.echo(f"made {made} of {len(states)}; next: pulumi stack init, see `python -m infra.bootstrap env`")
    else:
        click.echo("nothing to do")


@main.command()
@stack_option
@json_option
def check(stack: str, *, as_json: bool) -> None:
    """Look whether everything is there, and change nothing."""
    try:
        place = target.read(stack, ROOT)
        there = account.connect(place)
        states = _show(run.check(there), quiet=as_json)
        _advise(there)
    except SettingsError as error:
        _fail(error)
    missing = [name for name, state in states.items() if state == "missing"]
    if as_json:
        _print_json(place, states)
    if missing:
        what = f"the state bucket {place.bucket}" if "bucket" in missing else missing[0]
        sentence = f"{what} is missing in account {place.account}. "
        click.echo(
            place.wrong("account", f"{sentence}Make it with: python -m infra.bootstrap apply --stack {stack}"), err=True
        )
        sys.exit(MISSING)
    if not as_json:
        click.echo("everything is there")


@main.command()
@stack_option
@json_option
def env(stack: str, *, as_json: bool) -> None:
    """Print what a shell needs to run Pulumi on the stack, without asking AWS.

    Use it so: eval "$(python -m infra.bootstrap env --stack dev)"
    """
    try:
        place = target.read(stack, ROOT)
    except SettingsError as error:
        _fail(error)
    variables = {
        "PULUMI_BACKEND_URL": place.backend_url,
        "INFERSTACK_SECRETS_PROVIDER": place.secrets_provider,
        "AWS_REGION": place.region,
    }
    if as_json:
        click.echo(json.dumps(variables, indent=2))
        return
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo(f"# once: pulumi stack init {stack} --secrets-provider={shlex.quote(place.secrets_provider)}")


def _show(progress: Iterable[tuple[str, State]], *, quiet: bool) -> dict[str, State]:
    """A line for each step, as it happens."""
    states = dict[str, "State"]()
    for name, state in progress:
        states[name] = state
        if not quiet:
            click.echo(f"{state:<8}{name}")
    return states


def _advise(there: Account) -> None:
    with account.explained(there.target):
        advice = trail.advice(there)
    if advice:
        click.echo(f"warning: {advice}", err=True)


def _print_json(place: Target, states: dict[str, State]) -> None:
    document = {
        "stack": place.environment,
        "account": place.account,
        "region": place.region,
        "bucket": place.bucket,
        "key": place.key_alias,
        "backend_url": place.backend_url,
        "secrets_provider": place.secrets_provider,
        "steps": states,
    }
    click.echo(json.dumps(document, indent=2))


def _fail(error: SettingsError) -> NoReturn:
    click.echo(str(error), err=True)
    sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m infra.bootstrap")
