"""The way into a stack's account, and sentences for what can go wrong on it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Generator

    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client

    from infra.bootstrap.target import Target
    from infra.settings import SettingsError

# A machine without a way to AWS is told so within half a minute.
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
_NO_CREDENTIALS = (
    exceptions.CredentialRetrievalError,
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.ProfileNotFound,
    exceptions.SSOTokenLoadError,
)
_SET_UP = (
    exceptions.ConfigNotFound,
    exceptions.ConfigParseError,
    exceptions.InvalidConfigError,
    exceptions.InvalidDefaultsMode,
    exceptions.InvalidMaxRetryAttemptsError,
    exceptions.InvalidRegionError,
    exceptions.InvalidRetryModeError,
    exceptions.InvalidSTSRegionalEndpointsConfigError,
)
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN = (
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
_FORBIDDEN = ("403", "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation")


@dataclass(frozen=True, kw_only=True)
class Account:
    """The clients of the services that a bootstrap speaks to.

    Attributes:
        target: the stack's place.
        s3: for the bucket.
        kms: for the key.
        cloudtrail: for whether uses of emergency access are seen.
    """

    target: Target
    s3: S3Client
    kms: KMSClient
    cloudtrail: CloudTrailClient


def connect(target: Target, session: boto3.Session | None = None) -> Account:
    """Reach the account, and make sure that it is the stack's before anything is touched.

    Args:
        target: the stack's place.
        session: whose credentials are used; those of the environment without.

    Raises:
        SettingsError: the region is unknown, or the credentials are missing, expired, unknown or another account's.
    """
    with explained(target):
        session = session or boto3.Session()
        known = [
            name
            for partition in session.get_available_partitions()
            for name in session.get_available_regions("kms", partition_name=partition)
        ]
        if target.region not in known:
            raise target.wrong("region", f'"{target.region}" is no region of AWS. Allowed: {", ".join(known)}')
        _check_endpoints(target)
        sts = session.client("sts", region_name=target.region, config=_CONFIG)  # pyright: ignore[reportUnknownMemberType]  # of services without stubs
        actual = sts.get_caller_identity()["Account"]
        if actual != target.account:
            raise target.wrong("account", f"the credentials are account {actual}'s. Allowed: {_wanted(target)}")
        return Account(
            target=target,
            s3=session.client("s3", region_name=target.region, config=_CONFIG),  # pyright: ignore[reportUnknownMemberType]  # as above
            kms=session.client("kms", region_name=target.region, config=_CONFIG),  # pyright: ignore[reportUnknownMemberType]  # as above
            cloudtrail=session.client("cloudtrail", region_name=target.region, config=_CONFIG),  # pyright: ignore[reportUnknownMemberType]  # as above
        )


def _check_endpoints(target: Target) -> None:
    """Refuse an address of another AWS, such as a test's, that is no address: boto3 has no error of its own for it."""
    for name, url in os.environ.items():
        if name.startswith("AWS_ENDPOINT_URL") and url and not url.startswith(("http://", "https://")):
            raise target.wrong(
                "account", f'the variable {name} is "{url}". Allowed: an address with http:// or https://'
            )


@contextmanager
def explained(target: Target) -> Generator[None]:
    """Turn what boto3 raises inside into a sentence.

    Raises:
        SettingsError: with that sentence.
    """
    try:
        yield
    except exceptions.ClientError as error:
        raise _refused(error, target) from None
    except (exceptions.TokenRetrievalError, exceptions.UnauthorizedSSOTokenError):
        raise target.wrong("account", f"the credentials have expired. Allowed: {_wanted(target)}") from None
    except _NO_CREDENTIALS as error:
        raise target.wrong(
            "account", f"there are no credentials ({_text(error)}). Allowed: {_wanted(target)}"
        ) from None
    except _SET_UP as error:
        sentence = f"boto3 cannot work as it is set up here ({_text(error)}). "
        raise target.wrong("account", f"{sentence}Look at the variables AWS_* and at ~/.aws/config") from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        sentence = f"AWS does not answer in {target.region} ({_text(error)}). Needed: a network that leads there"
        raise target.wrong("region", sentence) from None


def code(error: exceptions.ClientError) -> str:
    """What AWS calls the error, for example ``NoSuchBucket``; of a HEAD request the HTTP status."""
    return error.response.get("Error", {}).get("Code", "")


def _refused(error: exceptions.ClientError, target: Target) -> SettingsError:
    match code(error):
        case name if name in _EXPIRED:
            return target.wrong("account", f"the credentials have expired. Allowed: {_wanted(target)}")
        case name if name in _UNKNOWN:
            sentence = f"AWS does not know the credentials, or the account has not enabled {target.region}"
            return target.wrong("account", f"{sentence}. Allowed: {_wanted(target)}")
        case name if name in _FORBIDDEN:
            sentence = f"the credentials may not do {error.operation_name}. Allowed: an administrator's"
            return target.wrong("account", sentence)
        case _:
            return target.wrong(
                "account", f"AWS refused {error.operation_name}: {_text(error)}. Run it again, or ask AWS"
            )


def _wanted(target: Target) -> str:
    return f"credentials of account {target.account}; check with: aws sts get-caller-identity"


def _text(error: Exception) -> str:
    return str(error).rstrip(". ")
