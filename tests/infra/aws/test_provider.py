"""The account and region that a stack is pinned to, and what is asked there first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra import settings
from infra.aws.provider import FoundSecret, check_account, check_zones, hosted_zone, pinned_provider, receiver_secrets
from infra.settings import SettingsError
from tests.infra.aws.recorder import REGION, ZONES, Answer, account, cluster, record
from tests.infra.samples import MONITORING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pulumi_aws as aws

IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity"
OFFERINGS = "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"
ZONE = "aws:route53/getZone:getZone"
RECEIVER = "aws:secretsmanager/getSecret:getSecret"
WEBHOOK_ARN = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:people"
OURS: Answer = {"accountId": "111111111111", "arn": "arn:aws:iam::111111111111:role/me", "userId": "x", "id": "x"}


def _ask(ask: Callable[[aws.Provider], Any], token: str, answer: Answer) -> tuple[Any, SettingsError | None]:
    """What a question returns or raises; inside of the program, where the engine's loop runs."""
    seen = list[Any]()
    errors = list[SettingsError]()

    def program() -> None:
        try:
            seen.append(ask(pinned_provider(account(), "prod")))
        except SettingsError as error:
            errors.append(error)

    record(program, answers={token: answer})
    return (seen[0] if seen else None), (errors[0] if errors else None)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A stack file with the keys that errors point to."""
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(
        "config:\n"
        "  inferstack:aws:\n"
        '    account: "111111111111"\n'
        "    region: eu-central-1\n"
        "    ingress:\n"
        "      hosted_zone: prod.example.com\n"
        "  inferstack:cluster:\n"
        "    system_nodes:\n"
        "      instance_type: m7i.large\n"
        "  inferstack:pools:\n"
        "    - name: gpu\n"
        "      nodes:\n"
        "        instance_type: g6.xlarge\n"
        "  inferstack:monitoring:\n"
        "    receivers:\n"
        "      - name: log\n"
        "        kind: log\n"
        "      - name: people\n"
        "        kind: webhook\n"
        f"        secret: {WEBHOOK_ARN}\n",
        encoding="utf-8",
    )
    return file


def test_the_provider_works_in_one_account_and_region_and_tags_all() -> None:
    """The provider refuses other accounts by itself, and everything it makes says whose it is."""
    provider = record(lambda: pinned_provider(account(), "prod")).one("pulumi:providers:aws")
    assert json.loads(provider["allowedAccountIds"]) == ["111111111111"]
    assert provider["region"] == REGION
    # Its own check of credentials comes before the program's, and says nothing of which account is wanted.
    assert provider["skipCredentialsValidation"] == "true"
    assert json.loads(provider["defaultTags"])["tags"]["Environment"] == "prod"


def test_the_right_account_passes(source: Path) -> None:
    """Credentials of the account are no error."""
    _, error = _ask(lambda provider: check_account(account(), provider, source=source), IDENTITY, OURS)
    assert error is None


@pytest.mark.parametrize(
    ("answer", "place", "meaning"),
    [
        ({**OURS, "accountId": "222222222222"}, "3: inferstack:aws.account", "are account 222222222222's"),
        (
            Exception("AWS account ID not allowed: 222222222222"),
            "3: inferstack:aws.account",
            "are account 222222222222's",
        ),
        (
            Exception("operation error STS: GetCallerIdentity, api error ExpiredToken: The security token is expired"),
            "3: inferstack:aws.account",
            "the credentials have expired",
        ),
        (
            Exception("failed to refresh cached credentials, the SSO session has expired or is invalid"),
            "3: inferstack:aws.account",
            "the credentials have expired",
        ),
        (
            Exception("api error InvalidClientTokenId: The security token included in the request is invalid."),
            "3: inferstack:aws.account",
            "AWS does not know the credentials",
        ),
        (
            Exception("No valid credential sources found. Error: failed to refresh cached credentials, no EC2 IMDS"),
            "3: inferstack:aws.account",
            "there are no credentials",
        ),
        (
            Exception("Retrieving AWS account details: 2 errors occurred\n\nAWS account ID not allowed: \n"),
            "3: inferstack:aws.account",
            "AWS does not know the credentials",
        ),
        (Exception("invalid AWS Region: eu-central-9"), "4: inferstack:aws.region", "the region does not answer"),
        (Exception("first line\n\nsomething new"), "3: inferstack:aws.account", "AWS did not answer (something new"),
    ],
)
def test_other_credentials_are_a_sentence(source: Path, answer: Answer, place: str, meaning: str) -> None:
    """Wrong, expired or missing credentials: one line with file, key, what is wrong, and which account is allowed."""
    _, error = _ask(lambda provider: check_account(account(), provider, source=source), IDENTITY, answer)
    text = str(error)
    assert text.startswith(f"Pulumi.prod.yaml:{place}: ")
    assert meaning in text
    assert "Allowed: credentials of account 111111111111 for eu-central-1" in text
    assert "\n" not in text


def _stack() -> settings.Settings:
    return settings.Settings(
        cluster=cluster(),
        aws=account(),
        monitoring=MONITORING,
        pools=(
            settings.Pool(
                name="gpu",
                variant="cpu",
                nodes=settings.PoolNodes(instance_type="g6.xlarge", min=0, max=2),
            ),
        ),
        services=(),
    )


def _zones(source: Path, offered: dict[str, tuple[str, ...]]) -> tuple[Any, SettingsError | None]:
    pairs = [(kind, zone) for kind, zones in offered.items() for zone in zones]
    answer: Answer = {"instanceTypes": [kind for kind, _ in pairs], "locations": [zone for _, zone in pairs]}
    return _ask(lambda provider: check_zones(_stack(), account(), provider, source=source), OFFERINGS, answer)


def test_a_pool_is_put_where_its_type_is(source: Path) -> None:
    """A GPU pool's nodes are in those of the stack's zones that have the type, in the order of the settings."""
    found, error = _zones(source, {"m7i.large": ZONES, "g6.xlarge": (ZONES[2], ZONES[0], f"{REGION}d")})
    assert error is None
    assert found == {"gpu": (ZONES[0], ZONES[2])}


def test_a_type_in_no_zone_of_the_stack_is_a_sentence(source: Path) -> None:
    """A type that is elsewhere in the region: the key, and the zones that have it."""
    _, error = _zones(source, {"m7i.large": ZONES, "g6.xlarge": (f"{REGION}d",)})
    assert str(error) == (
        'Pulumi.prod.yaml:13: inferstack:pools[0].nodes.instance_type: "g6.xlarge" is in none of '
        f"{', '.join(ZONES)}. Allowed: zones that have it, {REGION}d, or another type."
    )


def test_a_type_that_the_region_lacks_is_a_sentence(source: Path) -> None:
    """A type that is nowhere in the region: the key, and that the region has none."""
    _, error = _zones(source, {"m7i.large": ZONES})
    assert str(error).startswith("Pulumi.prod.yaml:13: inferstack:pools[0].nodes.instance_type: ")
    assert str(error).endswith("Allowed: another type, or a region that has it; this one has none.")


def test_system_nodes_are_in_every_zone(source: Path) -> None:
    """The system nodes' type must be in all three zones; the sentence names the one without."""
    _, error = _zones(source, {"m7i.large": ZONES[:2], "g6.xlarge": ZONES})
    assert str(error) == (
        'Pulumi.prod.yaml:9: inferstack:cluster.system_nodes.instance_type: "m7i.large" is not to be had in '
        f"{ZONES[2]}. "
        f"Allowed: zones that have it, {', '.join(ZONES[:2])}, or another type."
    )


def test_who_may_not_ask_for_zones_hears_it(source: Path) -> None:
    """Credentials that may not describe offerings are a sentence too."""
    refused = Exception("api error UnauthorizedOperation: You are not authorized")
    _, error = _ask(lambda provider: check_zones(_stack(), account(), provider, source=source), OFFERINGS, refused)
    assert "AWS did not answer" in str(error)
    assert "UnauthorizedOperation" in str(error)


def test_the_hosted_zone_is_found_by_its_name(source: Path) -> None:
    """The endpoint's zone is looked up, and its id used."""
    zone, error = _ask(
        lambda provider: hosted_zone(account().ingress, provider, source=source),
        ZONE,
        {"zoneId": "Z1", "name": "prod.example.com"},
    )
    assert (zone, error) == ("Z1", None)


def test_a_missing_hosted_zone_is_a_sentence(source: Path) -> None:
    """An account without that zone: the key, and that the zone must be there."""
    _, error = _ask(
        lambda provider: hosted_zone(account().ingress, provider, source=source),
        ZONE,
        Exception("no matching Route 53 Hosted Zone found"),
    )
    assert str(error).startswith('Pulumi.prod.yaml:6: inferstack:aws.ingress.hosted_zone: "prod.example.com"')
    assert "\n" not in str(error)


TOLD = MONITORING.model_copy(
    update={
        "receivers": (
            *MONITORING.receivers,
            settings.WebhookReceiver(name="people", kind="webhook", secret=WEBHOOK_ARN),
        )
    }
)


def test_secrets_of_receivers_are_looked_up_but_not_read(source: Path) -> None:
    """Of a secret its whole ARN and its key are known; a receiver without one asks for nothing."""
    found, error = _ask(
        lambda provider: receiver_secrets(TOLD, provider, source=source),
        RECEIVER,
        {"arn": f"{WEBHOOK_ARN}-AbCdEf", "kmsKeyId": "arn:aws:kms:eu-central-1:111111111111:key/1"},
    )
    key = "arn:aws:kms:eu-central-1:111111111111:key/1"
    assert (found, error) == ({"people": FoundSecret(arn=f"{WEBHOOK_ARN}-AbCdEf", key_arn=key)}, None)


def test_a_secret_under_aws_own_key_needs_no_right_to_a_key(source: Path) -> None:
    """Without a key of somebody's own, none is named."""
    answer: Answer = {"arn": f"{WEBHOOK_ARN}-AbCdEf", "kmsKeyId": ""}
    found, _ = _ask(lambda provider: receiver_secrets(TOLD, provider, source=source), RECEIVER, answer)
    assert found["people"].key_arn is None


def test_a_missing_secret_of_a_receiver_is_a_sentence(source: Path) -> None:
    """A secret that is not there: file, line, key, the ARN, and what the secret must be."""
    _, error = _ask(
        lambda provider: receiver_secrets(TOLD, provider, source=source),
        RECEIVER,
        Exception("reading Secrets Manager Secret: couldn't find resource"),
    )
    text = str(error)
    assert text.startswith(f'Pulumi.prod.yaml:20: inferstack:monitoring.receivers[1].secret: "{WEBHOOK_ARN}" was not')
    assert "a JSON object with the key url" in text
    assert "\n" not in text
