"""Where serving pods store feedback: what they are told of it, and what they mount for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from infra.kubernetes.secrets_store import MountedSecret


@dataclass(frozen=True, kw_only=True)
class FeedbackStore:
    """A database as the service in a pod knows it.

    Attributes:
        url: SQLAlchemy's, without user and password.
        credentials: the files ``username`` and ``password``; None where none are needed.
    """

    url: pulumi.Input[str]
    credentials: MountedSecret | None

    def environment(self) -> dict[str, pulumi.Input[str]]:
        """The variables ``SERVING_*`` of the pods."""
        told: dict[str, pulumi.Input[str]] = {"SERVING_DATABASE_URL": self.url}
        if self.credentials is not None:
            told["SERVING_DATABASE_CREDENTIALS_DIR"] = self.credentials.path
        return told

    def secrets(self) -> list[MountedSecret]:
        """What the pods mount."""
        return [] if self.credentials is None else [self.credentials]


def sqlite() -> FeedbackStore:
    """A file in the pod's scratch volume, for stacks without a database: it goes with the pod."""
    return FeedbackStore(url="sqlite:////tmp/feedback.sqlite", credentials=None)


def postgresql(*, address: pulumi.Input[str], port: int, database: str, credentials: MountedSecret) -> FeedbackStore:
    """A server that asks for a password and TLS."""
    # `require` encrypts. To verify the server too, the image would have to hold the certificates of RDS.
    url = pulumi.Output.concat("postgresql+psycopg://", address, f":{port}/{database}?sslmode=require")
    return FeedbackStore(url=url, credentials=credentials)
