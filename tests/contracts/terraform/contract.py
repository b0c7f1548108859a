"""The whole run: all stacks at once, so that they wait for the slow resources together."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.contracts.terraform import moto_server, on_moto
from tests.contracts.terraform.differences import Difference, differences
from tests.contracts.terraform.terraform import Refusal, Terraform
from tests.contracts.terraform.translation import configuration, provider

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.functions import Account
    from tests.contracts.terraform.mirror import Installation
    from tests.contracts.terraform.recording import Program
    from tests.contracts.terraform.schema import Schema


@dataclass(kw_only=True)
class Outcome:
    """What the real provider said of the stacks.

    Attributes:
        validated: what it refused without an account.
        planned: what it refused to plan.
        failed: what could not be applied to moto.
        again: what a second plan would change.
        state: after the first apply, as Terraform keeps it.
        destroyed: what could not be deleted.
        seconds: what each step took.
    """

    validated: list[Refusal] = field(default_factory=list[Refusal])
    planned: list[Refusal] = field(default_factory=list[Refusal])
    failed: list[Refusal] = field(default_factory=list[Refusal])
    again: list[Difference] = field(default_factory=list[Difference])
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])
    destroyed: list[Refusal] = field(default_factory=list[Refusal])
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def applied(self) -> set[str]:
        """The addresses of what was created on moto."""
        return {
            f"{resource['type']}.{resource['name']}"
            for resource in self.state["resources"]
            if resource["mode"] == "managed"
        }


class Clouds:
    """A moto for each stack, with the stack's account; and the provider's arguments that lead there."""

    def __init__(self, accounts: Mapping[str, Account], folder: Path) -> None:
        """Start them.

        Args:
            accounts: by stack.
            folder: for their logs and the AWS configuration files.
        """
        self._running = ExitStack()
        self._config, self._credentials = folder / "aws-config", folder / "aws-credentials"
        with ExitStack() as started:
            urls = {
                stack: started.enter_context(moto_server.serve(account.id, folder / f"moto-{stack}.log"))
                for stack, account in accounts.items()
            }
            self._running = started.pop_all()
        self._config.write_text(
            "".join(f"[profile {stack}]\nendpoint_url = {url}\n" for stack, url in urls.items()), encoding="utf-8"
        )
        self._credentials.write_text(
            "".join(f"[{stack}]\naws_access_key_id = none\naws_secret_access_key = none\n" for stack in urls),
            encoding="utf-8",
        )

    def access(self, stack: str) -> dict[str, Any]:
        """The provider's arguments that lead to a stack's moto."""
        return {
            "profile": stack,
            "shared_config_files": [str(self._config)],
            "shared_credentials_files": [str(self._credentials)],
            "s3_use_path_style": True,
            "skip_metadata_api_check": True,
            # What moto cannot do it cannot do a second later; 25 tries take ten minutes.
            "max_retries": 2,
        }

    def close(self) -> None:
        """Stop them."""
        self._running.close()


def write(terraform: Terraform, programs: Sequence[Program], *, clouds: Clouds, schema: Schema, facts: Facts) -> None:
    """Write the stacks into Terraform's folder, as the program has them."""
    for program in programs:
        access = clouds.access(program.stack)
        providers = [provider(program, name, access) for name in program.providers]
        terraform.write(f"{program.stack}-providers", {"provider": {"aws": providers}})
        terraform.write(program.stack, configuration(program, schema, facts))


def run(
    programs: Sequence[Program],
    *,
    clouds: Clouds,
    schema: Schema,
    facts: Facts,
    installation: Installation,
    folder: Path,
) -> Outcome:
    """Validate, plan, apply, plan again, destroy.

    A step that the provider refuses is the last one.

    Args:
        programs: the stacks.
        clouds: where they are applied.
        schema: the provider's.
        facts: what is known of both.
        installation: Terraform.
        folder: an empty one.
    """
    terraform = Terraform(installation, folder)
    write(terraform, programs, clouds=clouds, schema=schema, facts=facts)
    outcome = Outcome()

    def timed(name: str, step: Callable[[], list[Refusal]]) -> list[Refusal]:
        started = time.monotonic()
        refusals = step()
        outcome.seconds[name] = time.monotonic() - started
        return refusals

    terraform.init()
    outcome.validated = timed("validate", terraform.validate)
    if outcome.validated:
        return outcome
    outcome.planned = timed("plan", terraform.plan)
    if outcome.planned:
        return outcome
    for program in programs:
        terraform.write(program.stack, on_moto.adapt(configuration(program, schema, facts), facts))
    outcome.failed = timed("apply", terraform.apply)
    outcome.state = terraform.state()
    refused_again = timed("plan again", terraform.plan)
    outcome.failed += refused_again
    if not refused_again:
        outcome.again = differences(terraform.planned())
    outcome.destroyed = timed("destroy", terraform.destroy)
    return outcome
