"""An account that moto stands in for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID

from infra import settings
from infra.bootstrap.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
REGION = "eu-central-1"


@pytest.fixture(autouse=True)
def _nobodys_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials that open nothing, and no others: not the ones of whoever runs the tests."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def aws() -> Iterator[None]:
    """An empty account."""
    with mock_aws():
        yield


@pytest.fixture
def stack_file(tmp_path: Path) -> Path:
    """The stack file of dev, in the account that moto stands in for."""
    path = settings.stack_file("dev", tmp_path)
    text = settings.stack_file("dev", ROOT).read_text(encoding="utf-8")
    path.write_text(text.replace('account: "111111111111"', f'account: "{DEFAULT_ACCOUNT_ID}"'), encoding="utf-8")
    return path


@pytest.fixture
def target(stack_file: Path) -> Target:
    """Where the stack dev is."""
    return Target(environment="dev", account=DEFAULT_ACCOUNT_ID, region=REGION, source=stack_file)


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One for all tests that need no other: to load what boto3 knows takes longer than the tests."""
    return boto3.Session(aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106  # that is no secret
