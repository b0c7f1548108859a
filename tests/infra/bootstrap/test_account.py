"""What can go wrong on the way to AWS: each a sentence with its key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID

from infra.bootstrap import run
from infra.bootstrap.account import connect, explained
from infra.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

    from infra.bootstrap.target import Target

ACCOUNT_KEY, REGION_KEY = "Pulumi.dev.yaml:5: inferstack:aws.account:", "Pulumi.dev.yaml:6: inferstack:aws.region:"


def _client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "AWS's own words"}}, "CreateKey")


@pytest.mark.parametrize(
    ("error", "key", "sentence"),
    [
        (_client_error("ExpiredToken"), ACCOUNT_KEY, "the credentials have expired. Allowed: credentials of account"),
        (_client_error("RequestExpired"), ACCOUNT_KEY, "the credentials have expired."),
        (
            exceptions.UnauthorizedSSOTokenError(),
            ACCOUNT_KEY,
            "the credentials have expired.",
        ),
        (_client_error("InvalidClientTokenId"), ACCOUNT_KEY, "AWS does not know the credentials, or the account has"),
        (_client_error("InvalidAccessKeyId"), ACCOUNT_KEY, "AWS does not know the credentials"),
        (
            _client_error("AccessDeniedException"),
            ACCOUNT_KEY,
            "the credentials may not do CreateKey. Allowed: an administrator's",
        ),
        (_client_error("SlowDown"), ACCOUNT_KEY, "AWS refused CreateKey: An error occurred (SlowDown)"),
        (exceptions.NoCredentialsError(), ACCOUNT_KEY, "there are no credentials (Unable to locate credentials)"),
        (exceptions.ProfileNotFound(profile="prod"), ACCOUNT_KEY, "there are no credentials (The config profile"),
        (
            exceptions.EndpointConnectionError(endpoint_url="x"),
            REGION_KEY,
            "AWS does not answer in eu-central-1",
        ),
        (
            exceptions.ConfigParseError(path="x"),
            ACCOUNT_KEY,
            "boto3 cannot work as it is set up here (Unable to parse config file: x). Look at the variables AWS_*",
        ),
        (exceptions.ConnectTimeoutError(endpoint_url="x"), REGION_KEY, "AWS does not answer in eu-central-1"),
        (exceptions.ReadTimeoutError(endpoint_url="x"), REGION_KEY, "AWS does not answer in eu-central-1"),
    ],
)
def test_an_error_is_one_sentence_with_its_key(target: Target, error: Exception, key: str, sentence: str) -> None:
    """Whatever boto3 raises, the user reads which key it is about, what is wrong, and what to do."""
    with pytest.raises(SettingsError) as raised, explained(target):
        raise error
    text = str(raised.value)
    assert text.startswith(f"{key} {sentence}")
    assert text.endswith(".")
    assert "\n" not in text


def test_a_mistake_of_our_own_is_no_sentence(target: Target) -> None:
    """What is no error of AWS or the network keeps its traceback."""
    with pytest.raises(KeyError), explained(target):
        raise KeyError


@pytest.mark.usefixtures("aws")
def test_the_wrong_account_is_an_error_before_anything_is_asked(target: Target, session: boto3.Session) -> None:
    """Credentials of another account are refused by name of both, and nothing was made with them."""
    elsewhere = replace(target, account="999999999999")
    sentence = f"the credentials are account {DEFAULT_ACCOUNT_ID}'s. Allowed: credentials of account 999999999999"
    with pytest.raises(SettingsError, match=sentence):
        connect(elsewhere, session)
    assert connect(target, session).s3.list_buckets()["Buckets"] == []


def test_an_unknown_region_is_an_error_without_a_call(target: Target, session: boto3.Session) -> None:
    """A region that AWS does not have is answered by those that it has, without a network."""
    with pytest.raises(SettingsError, match=r'"eu-central-9" is no region of AWS\. Allowed: .*eu-central-1'):
        connect(replace(target, region="eu-central-9"), session)


def test_no_credentials_are_an_error(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any credentials the user is told whose are needed."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SettingsError, match=r"there are no credentials .* Allowed: credentials of account"):
        connect(target)


def test_no_network_is_an_error(target: Target, session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers, the user is told so, and of which region."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(SettingsError, match="AWS does not answer in eu-central-1"):
        connect(target, session)


def test_an_endpoint_that_is_no_address_is_an_error(
    target: Target, session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named: boto3 itself ends in a ValueError."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "localhost:5000")
    with pytest.raises(SettingsError, match=r'the variable AWS_ENDPOINT_URL_STS is "localhost:5000"\. Allowed'):
        connect(target, session)


@pytest.mark.usefixtures("aws")
def test_a_bucket_of_somebody_else_is_an_error(
    target: Target, session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket's name is unique in the world: if another account has it, nothing of it is touched."""
    account = connect(target, session)

    def refuse(code: str) -> Callable[..., None]:
        def call(**_: object) -> None:
            raise _client_error(code)

        return call

    def elsewhere(**_: object) -> dict[str, str]:
        return {"BucketRegion": "us-west-2"}

    with monkeypatch.context() as foreign:
        foreign.setattr(account.s3, "head_bucket", refuse("403"))
        with pytest.raises(SettingsError, match=f"the bucket {target.bucket} is somebody else's, or the credentials"):
            list(run.apply(account))
    # It can be taken between the question and the answer.
    with monkeypatch.context() as foreign:
        foreign.setattr(account.s3, "create_bucket", refuse("BucketAlreadyExists"))
        with pytest.raises(SettingsError, match=f"somebody else owns a bucket named {target.bucket}"):
            list(run.apply(account))
    with monkeypatch.context() as foreign:
        foreign.setattr(account.s3, "head_bucket", elsewhere)
        with pytest.raises(SettingsError, match=rf"aws\.region: the bucket {target.bucket} is in us-west-2 already"):
            list(run.apply(account))
    assert account.s3.list_buckets()["Buckets"] == []
