"""What a stack on AWS is made from. References only: whatever is secret is made by AWS and read by reference."""

from __future__ import annotations

import ipaddress
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from infra.settings import errors
from infra.settings.base import AccountId, Cidr, DomainName, IamUserArn, Model, Name, Region

LogDays = Literal[7, 14, 30, 60, 90, 180, 365]


class Network(Model):
    """The VPC. Its range is divided by infra/aws/network.py: most of it for nodes, a little for load balancers."""

    cidr: Cidr = Field(description="Range of the VPC, from /16 to /20.")
    zones: Annotated[tuple[str, ...], Field(min_length=3, max_length=3)] = Field(
        description="Three availability zones of aws.region."
    )
    nat: Literal["single", "per_zone"] = Field(
        description="One NAT gateway is cheap; one per zone survives the loss of a zone."
    )
    services_cidr: Cidr = Field(default="172.20.0.0/16", description="Range of Kubernetes' Services.")
    other_networks: dict[Name, Cidr] = Field(
        default_factory=dict, description="Ranges that are routed to this VPC, by name; none may overlap with it."
    )
    flow_log_days: LogDays = 30

    @model_validator(mode="after")
    def _ranges_are_apart(self) -> Self:
        ranges = [
            (("cidr",), "cidr", self.cidr),
            (("services_cidr",), "services_cidr", self.services_cidr),
            *((("other_networks", name), f"other_networks.{name}", cidr) for name, cidr in self.other_networks.items()),
        ]
        known = list[tuple[str, ipaddress.IPv4Network]]()
        for path, name, cidr in ranges:
            network = _network(path, cidr)
            for other_name, other in known:
                if network.overlaps(other):
                    sentence = f"{cidr} overlaps with {other_name}, {other}. Allowed: ranges that share no address"
                    raise errors.conflict(path, sentence)
            known.append((name, network))
        if not 16 <= known[0][1].prefixlen <= 20:  # noqa: PLR2004  # what the sentence says
            raise errors.conflict(("cidr",), f"{self.cidr} is too large or too small. Allowed: from /16 to /20")
        return self

    @model_validator(mode="after")
    def _zones_differ(self) -> Self:
        if twice := sorted({zone for zone in self.zones if self.zones.count(zone) > 1}):
            raise errors.conflict(("zones",), f"{twice[0]!r} is named twice. Allowed: three different zones")
        return self


def _network(path: errors.Location, cidr: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(cidr)
    except ValueError as error:
        sentence = f"{cidr} is no range of addresses ({error}). Allowed: for example 10.20.0.0/16"
        raise errors.conflict(path, sentence) from None


class OwnedRegistry(Model):
    """This stack makes the repositories, builds the images and lets others pull."""

    kind: Literal["owned"]
    pull_accounts: tuple[AccountId, ...] = Field(default=(), description="Accounts whose nodes may pull.")


class SharedRegistry(Model):
    """Another stack's repositories: this one builds nothing, and pulls what the catalogue names."""

    kind: Literal["shared"]
    account: AccountId
    region: Region


Registry = Annotated[OwnedRegistry | SharedRegistry, Field(discriminator="kind")]


class Ingress(Model):
    """Where requests of users come in: a network load balancer with a certificate and a name."""

    domain: DomainName = Field(description="Name of the endpoint, below hosted_zone.")
    hosted_zone: DomainName = Field(description="A public zone of Route 53 that exists in this account.")
    scheme: Literal["internal", "internet-facing"] = "internal"
    allowed_cidrs: Annotated[tuple[Cidr, ...], Field(min_length=1)] = Field(
        description="Ranges that may connect to the load balancer."
    )

    @model_validator(mode="after")
    def _domain_is_in_zone(self) -> Self:
        if not self.domain.endswith(f".{self.hosted_zone}"):
            sentence = f'"{self.domain}" is not in the hosted zone. Allowed: <name>.{self.hosted_zone}'
            raise errors.conflict(("domain",), sentence)
        return self


class Database(Model):
    """PostgreSQL for feedback, on RDS."""

    version: Annotated[str, StringConstraints(pattern=r"^1[5-8]\.[0-9]+$")] = Field(description="Of PostgreSQL.")
    instance_class: Annotated[str, StringConstraints(pattern=r"^db\.(t4g|m7g|r7g)\.[0-9]*[a-z]+$")]
    storage_gib: Annotated[int, Field(ge=20, le=4096)]
    multi_az: bool = Field(description="A standby in another zone.")
    backup_days: Annotated[int, Field(ge=1, le=35)]


class ContinuousIntegration(Model):
    """Who may deploy this stack from CI: one environment of one GitHub repository."""

    repository: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")] = Field(description="owner/name")
    repository_ids: Annotated[str, StringConstraints(pattern=r"^[0-9]+/[0-9]+$")] | None = Field(
        default=None,
        description="GitHub's numbers of both, owner/name, for example 123/456: in the tokens of a repository that was "
        "made or renamed since July 2026, and of others that ask for it; leave out where they are not.",
    )
    environment: Annotated[str, StringConstraints(pattern=r"^[\w-]+$")] = Field(description="GitHub's environment.")

    @property
    def subject(self) -> str:
        """What the subject of a token of the repository's jobs begins with.

        Source: https://docs.github.com/en/actions/concepts/security/openid-connect
        """
        if self.repository_ids is None:
            return f"repo:{self.repository}"
        numbered = zip(self.repository.split("/"), self.repository_ids.split("/"), strict=True)
        return "repo:" + "/".join(f"{name}@{number}" for name, number in numbered)


class BreakGlass(Model):
    """People who may act by hand in an emergency: with a second factor, for an hour, logged, until a date."""

    # What the session of a role asks of STS carries no second factor, however its people signed in: a role could
    # never take this one. Users are there when the company's own sign-in is what is broken, too.
    principals: Annotated[tuple[IamUserArn, ...], Field(min_length=1)] = Field(
        description="IAM users with a second factor; not roles, whose sessions cannot show one."
    )
    until: date = Field(strict=False, description="The last day, for example 2027-03-31.")
    notify: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] = Field(
        description="Mail address that hears of each use."
    )


class Aws(Model):
    """The account that a stack lives in, and what it has there besides the cluster."""

    account: AccountId = Field(description="The one account that this stack may touch.")
    region: Region
    tier: Literal["development", "staging", "production"] = Field(
        description="Staging and production protect what holds data; production has no single point of failure."
    )
    network: Network
    registry: Registry
    ingress: Ingress
    database: Database
    ci: ContinuousIntegration
    break_glass: BreakGlass | None = None

    @property
    def protect(self) -> bool:
        """Whether what holds data is protected from deletion."""
        return self.tier != "development"

    @model_validator(mode="after")
    def _zones_are_of_the_region(self) -> Self:
        for index, zone in enumerate(self.network.zones):
            if zone[:-1] != self.region:
                sentence = f'"{zone}" is not in {self.region}. Allowed: {self.region}a, {self.region}b, …'
                raise errors.conflict(("network", "zones", index), sentence)
        return self

    @model_validator(mode="after")
    def _production_has_no_single_point_of_failure(self) -> Self:
        if self.tier != "production":
            return self
        if self.network.nat != "per_zone":
            sentence = '"single" is not allowed in production. Allowed: "per_zone"'
            raise errors.conflict(("network", "nat"), sentence)
        if not self.database.multi_az:
            raise errors.conflict(("database", "multi_az"), "false is not allowed in production. Allowed: true")
        return self

    @model_validator(mode="after")
    def _another_registry_is_elsewhere(self) -> Self:
        shared = self.registry if isinstance(self.registry, SharedRegistry) else None
        if shared and (shared.account, shared.region) == (self.account, self.region):
            sentence = f'"{self.account}" is this stack\'s own. Allowed: the account of the stack that builds'
            raise errors.conflict(("registry", "account"), sentence)
        return self
