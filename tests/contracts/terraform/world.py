"""What a run needs: the stacks, the provider, and the clouds that stand for the stacks' accounts."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests import moto_server
from tests.contracts.terraform.terraform import Terraform
from tests.contracts.terraform.translation import configuration, provider

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from pathlib import Path

    from tests.contracts.terraform.facts import Facts
    from tests.contracts.terraform.functions import Account
    from tests.contracts.terraform.mirror import Installation
    from tests.contracts.terraform.recording import Program
    from tests.contracts.terraform.schema import Schema


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


@dataclass(frozen=True, kw_only=True)
class World:
    """All of it.

    Attributes:
        programs: the stacks.
        schema: the provider's.
        facts: what is known of both major versions, and of moto.
        clouds: where the stacks are applied.
        installation: Terraform and the provider.
    """

    programs: Sequence[Program]
    schema: Schema
    facts: Facts
    clouds: Clouds
    installation: Installation

    def terraform(self, folder: Path, *, providers: Container[str]) -> Terraform:
        """Terraform in an empty folder.

        Args:
            folder: the folder.
            providers: the labels of those of the programs' providers that are configured there.
        """
        terraform = Terraform(self.installation, folder)
        blocks = [
            provider(program, label, self.clouds.access(program.stack))
            for program in self.programs
            for label in program.providers
            if label in providers
        ]
        terraform.write("providers", {"provider": {"aws": blocks}})
        terraform.init()
        return terraform

    def configuration(self, program: Program) -> dict[str, Any]:
        """A stack, as the program has it."""
        return configuration(program, self.schema, self.facts)
