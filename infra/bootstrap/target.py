"""Where the state of a stack is, and what encrypts its secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra import naming, settings
from infra.settings import SettingsError, errors

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Target:
    """One stack's place in AWS.

    Attributes:
        environment: the stack.
        account: the one account that it lives in.
        region: its region.
        source: the stack file that errors point to.
        break_glass: whether people may act by hand in an emergency, of which others must hear.
    """

    environment: str
    account: str
    region: str
    source: Path
    break_glass: bool = False

    @property
    def bucket(self) -> str:
        """The bucket of the state."""
        return naming.state_bucket(self.environment, self.account)

    @property
    def key_alias(self) -> str:
        """The name of the key that encrypts the state and what is secret in it."""
        return naming.secrets_key_alias(self.environment)

    @property
    def backend_url(self) -> str:
        """Pulumi's name of the bucket."""
        return f"s3://{self.bucket}?region={self.region}"

    @property
    def secrets_provider(self) -> str:
        """Pulumi's name of the key."""
        return f"awskms://{self.key_alias}?region={self.region}"

    @property
    def tags(self) -> dict[str, str]:
        """As of everything else of the stack, but that Pulumi does not manage it."""
        return {**naming.tags(self.environment), "ManagedBy": "infra.bootstrap"}

    def wrong(self, key: str, sentence: str) -> SettingsError:
        """An error that points to a key of the stack file.

        Args:
            key: below ``inferstack:aws``, for example ``account``.
            sentence: what is wrong and what is allowed, without a full stop.
        """
        path = ("aws", key)
        return SettingsError(f"{errors.at(self.source, path)}: {errors.key(path)}: {sentence}.")


def read(stack: str, root: Path) -> Target:
    """The target that the stack file names.

    Raises:
        SettingsError: the stack file is wrong, or of a stack that is not on AWS.
    """
    loaded = settings.read(stack, root)
    source = settings.stack_file(stack, root)
    if loaded.aws is None:
        path = ("cluster", "kind")
        sentence = f'"{loaded.cluster.kind}" has no state in AWS. Allowed here: stacks of kind "eks"'
        raise SettingsError(f"{errors.at(source, path)}: {errors.key(path)}: {sentence}.")
    return Target(
        environment=stack,
        account=loaded.aws.account,
        region=loaded.aws.region,
        source=source,
        break_glass=loaded.aws.break_glass is not None,
    )
