"""Reads prices from the AWS price list API, which needs credentials of any account with `pricing:GetProducts`."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra import instance_types
from rehearsal.errors import RehearsalError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mypy_boto3_pricing import PricingClient

    from rehearsal.prices import Prices

Json = dict[str, Any]
# The API answers in a few regions only, for all.
API_REGION = "us-east-1"
SOURCE = "AWS price list API, on-demand list prices without tax"


@dataclass(frozen=True, kw_only=True)
class Query:
    """What the API is asked for one item: a service, and what its product must be.

    Attributes:
        item: the key in the table.
        service: the API's code of a service.
        product: attributes of the product, each to be met exactly.
        usage: the end of the product's usage type, where attributes do not tell enough.
    """

    item: str
    service: str
    product: tuple[tuple[str, str], ...]
    usage: str = ""


def queries(items: Iterable[str]) -> list[Query]:
    """Return what to ask for these items.

    Raises:
        UsageError: nothing is known of an item.
    """
    found: list[Query] = []
    for item in sorted(set(items)):
        service, _, rest = item.partition("/")
        kind, _, zones = rest.partition("/")
        match service:
            case "ec2":
                found.append(_ec2(item, rest))
            case "rds":
                found.append(_rds(item, kind, zones))
            case _ if item in FIXED:
                found.append(FIXED[item])
            case _:
                raise UsageError(f"nothing is known of the price item {item!r}; add it to rehearsal/price_list.py")
    return found


def connect() -> PricingClient:
    """A client of the API, with the credentials of the environment.

    Raises:
        RehearsalError: boto3 cannot work as it is set up, for example with a profile that does not exist.
    """
    import boto3  # noqa: PLC0415  takes longer to load than everything else here
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415  as above

    try:
        return boto3.client("pricing", region_name=API_REGION)  # pyright: ignore[reportUnknownMemberType]  # has an overload for every service, most without stubs here
    except (BotoCoreError, ValueError) as error:
        raise RehearsalError(f"boto3 cannot work as it is set up: {error}; look at the variables AWS_*") from None


def refresh(prices: Prices, *, region: str, client: PricingClient, progress: Callable[[str], None]) -> Prices:
    """Return the table with the prices of one region read anew; those of other regions stay.

    Raises:
        RehearsalError: the API refuses, or has not exactly one price for an item.
    """
    items = {f"ec2/{name}" for name in (*instance_types.GPU_TYPES, *instance_types.SYSTEM_TYPES)} | set(FIXED)
    known = set(prices.regions.get(region, {})) | {
        item for table in prices.regions.values() for item in table if item.startswith("rds/")
    }
    table: dict[str, float] = {}
    for query in queries(items | known):
        price = _price(query, region=region, client=client)
        if price is None:
            progress(f"{query.item}: not sold in {region}")
        else:
            table[query.item] = price
            progress(f"{query.item}: {price:g}")
    if not table:
        raise RehearsalError(f"the price list knows no price of {region}: is that a region?")
    return prices.model_copy(
        update={
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "source": SOURCE,
            "regions": {**prices.regions, region: table},
        }
    )


def _ec2(item: str, instance_type: str) -> Query:
    product = {
        "instanceType": instance_type,
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "licenseModel": "No License required",
    }
    return Query(item=item, service="AmazonEC2", product=tuple(product.items()))


def _rds(item: str, kind: str, zones: str) -> Query:
    deployment = {"multi-zone": "Multi-AZ", "single-zone": "Single-AZ"}[zones]
    product = {"databaseEngine": "PostgreSQL", "deploymentOption": deployment}
    if kind == "storage":
        product = {"volumeType": "General Purpose-GP3", "deploymentOption": deployment, "databaseEngine": "PostgreSQL"}
        return Query(item=item, service="AmazonRDS", product=tuple(product.items()))
    return Query(item=item, service="AmazonRDS", product=tuple({**product, "instanceType": kind}.items()))


FIXED = {
    query.item: query
    for query in (
        Query(item="eks/cluster", service="AmazonEKS", product=(), usage="AmazonEKS-Hours:perCluster"),
        Query(
            item="vpc/nat-gateway",
            service="AmazonEC2",
            product=(("group", "NGW:NatGateway"),),
            usage="NatGateway-Hours",
        ),
        Query(item="vpc/public-address", service="AmazonVPC", product=(), usage="PublicIPv4:InUseAddress"),
        Query(item="vpc/interface-endpoint", service="AmazonVPC", product=(), usage="VpcEndpoint-Hours"),
        Query(
            item="lb/network",
            service="AWSELB",
            product=(("productFamily", "Load Balancer-Network"),),
            usage="LoadBalancerUsage",
        ),
        Query(
            item="lb/application",
            service="AWSELB",
            product=(("productFamily", "Load Balancer-Application"),),
            usage="LoadBalancerUsage",
        ),
        Query(item="ebs/gp3", service="AmazonEC2", product=(("volumeApiName", "gp3"), ("productFamily", "Storage"))),
        Query(item="kms/key", service="awskms", product=(), usage="KMS-Keys"),
        Query(item="secretsmanager/secret", service="AWSSecretsManager", product=(), usage="AWSSecretsManager-Secrets"),
    )
}


def _price(query: Query, *, region: str, client: PricingClient) -> float | None:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  slow to load, and seldom needed

    filters = [("regionCode", region), *query.product]
    try:
        pages = client.get_paginator("get_products").paginate(
            ServiceCode=query.service,
            Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in filters],
        )
        products: list[Json] = [json.loads(text) for page in pages for text in page["PriceList"]]
    except (BotoCoreError, ClientError) as error:
        raise RehearsalError(
            f"the AWS price list API refuses: {error}; give credentials with the right pricing:GetProducts"
        ) from None
    usage_fits = [each for each in products if _usage(each).endswith(query.usage)]
    found = {price for each in usage_fits for price in _on_demand(each)}
    if len(found) > 1:
        raise RehearsalError(f"the price list has {len(found)} prices of {query.item} in {region}: {sorted(found)}")
    return found.pop() if found else None


def _usage(product: Json) -> str:
    return str(product["product"]["attributes"].get("usagetype", ""))


def _on_demand(product: Json) -> list[float]:
    """Prices above nothing; the API gives reservations and free tiers as 0."""
    dimensions = [
        dimension
        for term in product.get("terms", {}).get("OnDemand", {}).values()
        for dimension in term["priceDimensions"].values()
    ]
    prices = [float(dimension["pricePerUnit"].get("USD", 0)) for dimension in dimensions]
    return [price for price in prices if price > 0]
