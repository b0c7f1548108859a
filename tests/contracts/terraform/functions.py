"""What functions of the AWS provider and the engine answer while the program runs under mocks: small, always alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What Terraform calls the things that a stack finds.
FOUND = "{stack}_found"


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where a stack lives.

    Attributes:
        id: twelve digits.
        region: for example ``eu-central-1``.
        stack: the stack's name.
        found: what the program looks up and so must be there before it: arguments by Terraform type.
    """

    id: str
    region: str
    stack: str
    found: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @property
    def zones(self) -> list[str]:
        """The region's availability zones."""
        return [f"{self.region}{letter}" for letter in "abc"]


def answer(token: str, args: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """What a function answers.

    Args:
        token: for example ``aws:index/getCallerIdentity:getCallerIdentity``.
        args: what it was asked.
        account: where.

    Raises:
        AssertionError: nobody has said what the function answers.
    """
    name = token.rsplit(":", 1)[-1]
    if name not in ANSWERS:
        raise AssertionError(f"the program calls {token}: say in functions.py what it answers")
    return {"id": "answer", **ANSWERS[name](args, account)}


def _identity(_: Mapping[str, Any], account: Account) -> dict[str, Any]:
    return {"accountId": account.id, "arn": f"arn:aws:iam::{account.id}:user/contract", "userId": "AIDACONTRACT"}


def _zones(_: Mapping[str, Any], account: Account) -> dict[str, Any]:
    return {"names": account.zones, "zoneIds": account.zones}


def _offerings(args: Mapping[str, Any], account: Account) -> dict[str, Any]:
    wanted = [value for each in args.get("filters", []) if each["name"] == "instance-type" for value in each["values"]]
    pairs = [(kind, zone) for kind in wanted for zone in account.zones]
    return {
        "instanceTypes": [kind for kind, _ in pairs],
        "locations": [zone for _, zone in pairs],
        "locationTypes": ["availability-zone"] * len(pairs),
    }


def _partition(_: Mapping[str, Any], __: Account) -> dict[str, Any]:
    return {"partition": "aws", "dnsSuffix": "amazonaws.com"}


def _region(_: Mapping[str, Any], account: Account) -> dict[str, Any]:
    return {"name": account.region, "region": account.region}


def _image(args: Mapping[str, Any], _: Account) -> dict[str, Any]:
    return {"imageDigest": f"sha256:{'0' * 64}", "imageTags": [args.get("imageTag")]}


def _zone(args: Mapping[str, Any], account: Account) -> dict[str, Any]:
    account.found["aws_route53_zone"] = {"name": args["name"]}
    return {"name": args["name"], "zoneId": f"${{aws_route53_zone.{FOUND.format(stack=account.stack)}.zone_id}}"}


def _secret(args: Mapping[str, Any], _: Account) -> dict[str, Any]:
    return {"arn": f"{args['arn']}-AbCdEf", "kmsKeyId": ""}


def _outputs(_: Mapping[str, Any], __: Account) -> dict[str, Any]:
    return {"outputs": {}}  # nothing is deployed yet


ANSWERS: Mapping[str, Callable[[Mapping[str, Any], Account], dict[str, Any]]] = {
    "getCallerIdentity": _identity,
    "getAvailabilityZones": _zones,
    "getInstanceTypeOfferings": _offerings,
    "getPartition": _partition,
    "getRegion": _region,
    "getImage": _image,
    "getSecret": _secret,
    "getZone": _zone,
    "readStackOutputs": _outputs,
}
