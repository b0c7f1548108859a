"""The way to one account and region, and what is asked there before anything is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.settings import EksCluster, LogReceiver, SettingsError, errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from infra import settings

Answer = TypeVar("Answer")

_ACCOUNT = ("aws", "account")
_REGION = ("aws", "region")
# What the provider says, and what it means: it gives no codes, only text. The first that fits counts.
_MEANINGS = (
    (r"account ID not allowed: (?P<account>\d{12})", _ACCOUNT, "the credentials are account {account}'s"),
    # Before the next: the provider tries to refresh credentials that it does not have.
    (r"[Nn]o valid credential sources|NoCredentialProviders|no EC2 IMDS role", _ACCOUNT, "there are no credentials"),
    (
        r"ExpiredToken|RequestExpired|(token|session|credentials?)\b.*\bexpired|refresh cached SSO token",
        _ACCOUNT,
        "the credentials have expired",
    ),
    (
        r"InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClient|account ID not allowed",
        _ACCOUNT,
        "AWS does not know the credentials",
    ),
    (r"[Ii]nvalid AWS [Rr]egion|no such host", _REGION, "the region does not answer"),
)


def pinned_provider(account: settings.Aws, environment: str) -> aws.Provider:
    """A provider that works in the stack's account and region and nowhere else, and tags all it makes."""
    return aws.Provider(
        "aws",
        region=account.region,
        allowed_account_ids=[account.account],
        # The provider's own check would end the program before check_account can say what is wrong.
        skip_credentials_validation=True,
        default_tags=aws.ProviderDefaultTagsArgs(tags=naming.tags(environment)),
    )


def check_account(account: settings.Aws, provider: aws.Provider, *, source: Path) -> None:
    """Make sure that the credentials are valid, and the account's.

    Args:
        account: the settings.
        provider: of :func:`pinned_provider`.
        source: the stack file that errors point to.

    Raises:
        SettingsError: they are not.
    """
    identity = _ask(lambda: aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=provider)), account, source)
    if identity.account_id != account.account:
        raise _wrong(_ACCOUNT, f"the credentials are account {identity.account_id}'s", account, source)


def _ask(function: Callable[[], Answer], account: settings.Aws, source: Path) -> Answer:
    """Call a function of the provider; a sentence takes the place of what AWS says when it fails."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001  # Pulumi raises nothing more exact when a function fails
        raise _explain(str(error), account, source) from None


def _explain(text: str, account: settings.Aws, source: Path) -> SettingsError:
    for pattern, key, meaning in _MEANINGS:
        if match := re.search(pattern, text):
            return _wrong(key, meaning.format(**match.groupdict()), account, source)
    return _wrong(_ACCOUNT, f"AWS did not answer ({_last_line(text)})", account, source)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def _wrong(key: errors.Location, sentence: str, account: settings.Aws, source: Path) -> SettingsError:
    return _error(
        key,
        f"{sentence}. Allowed: credentials of account {account.account} for {account.region}; "
        "check with: aws sts get-caller-identity",
        source,
    )


def _error(key: errors.Location, sentence: str, source: Path) -> SettingsError:
    return SettingsError(f"{errors.at(source, key)}: {errors.key(key)}: {sentence}.")


def check_zones(
    stack: settings.Settings, account: settings.Aws, provider: aws.Provider, *, source: Path
) -> dict[str, tuple[str, ...]]:
    """Find the zones that have each pool's instance type.

    Args:
        stack: the settings of a stack on EKS.
        account: its AWS settings.
        provider: of :func:`pinned_provider`.
        source: the stack file that errors point to.

    Returns:
        Pool name -> those of the stack's zones in which its nodes can be, at least one.

    Raises:
        SettingsError: none of them has a pool's type, or not all of them have the system nodes'.
    """
    assert isinstance(stack.cluster, EksCluster)  # noqa: S101  # the settings allow AWS with no other
    system = stack.cluster.system_nodes.instance_type
    wanted = {pool.name: pool.nodes.instance_type for pool in stack.pools if pool.nodes}
    offered = _ask(lambda: _offered({system, *wanted.values()}, provider), account, source)
    zones = account.network.zones

    if missing := [zone for zone in zones if zone not in offered[system]]:
        key = ("cluster", "system_nodes", "instance_type")
        raise _error(key, f'"{system}" is not to be had in {", ".join(missing)}. {_where(offered[system])}', source)
    found = {pool: tuple(zone for zone in zones if zone in offered[kind]) for pool, kind in wanted.items()}
    for index, pool in enumerate(stack.pools):
        if not found[pool.name]:
            key, kind = ("pools", index, "nodes", "instance_type"), wanted[pool.name]
            raise _error(key, f'"{kind}" is in none of {", ".join(zones)}. {_where(offered[kind])}', source)
    return found


def _offered(types: set[str], provider: aws.Provider) -> dict[str, set[str]]:
    """Instance type -> the zones of the region that have it."""
    answer = aws.ec2.get_instance_type_offerings(
        location_type="availability-zone",
        filters=[aws.ec2.GetInstanceTypeOfferingsFilterArgs(name="instance-type", values=sorted(types))],
        opts=pulumi.InvokeOptions(provider=provider),
    )
    offered = {kind: set[str]() for kind in types}
    for kind, zone in zip(answer.instance_types, answer.locations, strict=True):
        offered[kind].add(zone)
    return offered


def _where(zones: set[str]) -> str:
    if zones:
        return f"Allowed: zones that have it, {', '.join(sorted(zones))}, or another type"
    return "Allowed: another type, or a region that has it; this one has none"


def hosted_zone(ingress: settings.Ingress, provider: aws.Provider, *, source: Path) -> str:
    """The id of the zone of Route 53 in which the endpoint's name goes.

    Raises:
        SettingsError: the account has no such zone.
    """
    try:
        zone = aws.route53.get_zone(
            name=ingress.hosted_zone, private_zone=False, opts=pulumi.InvokeOptions(provider=provider)
        )
    except Exception as error:  # noqa: BLE001  # as above
        sentence = f'"{ingress.hosted_zone}" was not found ({_last_line(str(error))}). Allowed: a public zone'
        raise _error(("aws", "ingress", "hosted_zone"), sentence, source) from None
    return zone.zone_id


@dataclass(frozen=True, kw_only=True)
class FoundSecret:
    """A secret that somebody else made; nothing of its value is read.

    Attributes:
        arn: whole, with the six characters that AWS adds to its name.
        key_arn: the KMS key that it is encrypted with; None for the account's own, which needs no right.
    """

    arn: str
    key_arn: str | None


def receiver_secrets(
    monitoring: settings.Monitoring, provider: aws.Provider, *, source: Path
) -> Mapping[str, FoundSecret]:
    """Look up the secrets that hold URLs of receivers.

    Returns:
        Receiver name -> its secret, for those that have one.

    Raises:
        SettingsError: the account has no such secret in the region.
    """
    found = dict[str, FoundSecret]()
    for index, receiver in enumerate(monitoring.receivers):
        if isinstance(receiver, LogReceiver) or receiver.secret is None:
            continue
        try:
            secret = aws.secretsmanager.get_secret(arn=receiver.secret, opts=pulumi.InvokeOptions(provider=provider))
        except Exception as error:  # noqa: BLE001  # as above
            sentence = (
                f'"{receiver.secret}" was not found ({_last_line(str(error))}). '
                "Allowed: a secret of this account and region, a JSON object with the key url"
            )
            raise _error(("monitoring", "receivers", index, "secret"), sentence, source) from None
        found[receiver.name] = FoundSecret(arn=secret.arn, key_arn=secret.kms_key_id or None)
    return found
