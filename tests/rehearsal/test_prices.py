"""The price table, and how it is renewed."""

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from infra import instance_types, settings
from rehearsal import price_list, prices
from rehearsal.errors import RehearsalError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_pricing import PricingClient

CHECKOUT = Path(__file__).parents[2]
Json = dict[str, Any]


@pytest.fixture
def client() -> "Iterator[tuple[PricingClient, Stubber]]":
    """A client of the price list API whose answers a test gives."""
    made: PricingClient = boto3.client(  # pyright: ignore[reportUnknownMemberType]  # an overload for every service
        "pricing",
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106  no password: the client reaches nothing
    )
    with Stubber(made) as stubber:
        yield made, stubber


def _product(price: str, usage: str) -> str:
    dimension = {"pricePerUnit": {"USD": price}, "unit": "Hrs"}
    terms = {"OnDemand": {"term": {"priceDimensions": {"dimension": dimension}}}}
    return json.dumps({"product": {"attributes": {"usagetype": usage}}, "terms": terms})


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_whatever_a_stack_file_may_ask_for_has_a_price_or_is_not_sold(stack: str) -> None:
    """Each stack's region is in the table, with the machines and the database that it names."""
    wanted = settings.read(stack, CHECKOUT)
    assert wanted.aws
    table = prices.load().regions[wanted.aws.region]
    zones = "multi-zone" if wanted.aws.database.multi_az else "single-zone"
    named = [f"ec2/{pool.nodes.instance_type}" for pool in wanted.pools if pool.nodes]
    assert {f"rds/{wanted.aws.database.instance_class}/{zones}", *named} <= set(table)


def test_the_table_says_where_it_is_from_and_when() -> None:
    """It has a date, a source, and only items that can be asked for again."""
    table = prices.load()
    assert dt.date.fromisoformat(table.date) < dt.date(2100, 1, 1)
    assert table.source
    for region in table.regions.values():
        assert len(price_list.queries(region)) == len(region)


def test_a_refresh_replaces_one_region_and_says_when(client: "tuple[PricingClient, Stubber]") -> None:
    """The region's prices are those that the API gives; free tiers, reservations and other usages are passed over."""
    made, stubber = client
    table = prices.load()
    items = {f"ec2/{name}" for name in (*instance_types.GPU_TYPES, *instance_types.SYSTEM_TYPES)}
    databases = {item for region in table.regions.values() for item in region if item.startswith("rds/")}
    asked = price_list.queries([*items, *databases, *price_list.FIXED])
    for query in asked:
        answers = [_product("0.0", f"EUC1-{query.usage}"), _product("1.25", f"EUC1-{query.usage}")]
        answers += [_product("99", "EUC1-Other")] if query.usage else []
        expected = {"ServiceCode": query.service, "Filters": ANY}
        stubber.add_response("get_products", {"FormatVersion": "aws_v1", "PriceList": answers}, expected)
    lines: list[str] = []
    renewed = price_list.refresh(table, region="eu-west-3", client=made, progress=lines.append)
    assert set(renewed.regions["eu-west-3"].values()) == {1.25}
    assert len(lines) == len(asked)
    assert renewed.regions["eu-central-1"] == table.regions["eu-central-1"]
    assert renewed.date == dt.datetime.now(dt.UTC).date().isoformat()
    stubber.assert_no_pending_responses()


def test_no_rights_is_one_sentence(client: "tuple[PricingClient, Stubber]") -> None:
    """What the API says, and which right is missing."""
    made, stubber = client
    stubber.add_client_error("get_products", "AccessDeniedException", "no")
    with pytest.raises(RehearsalError, match=r"price list API refuses: .*AccessDenied.*pricing:GetProducts"):
        price_list.refresh(prices.load(), region="eu-central-1", client=made, progress=lambda _line: None)


@pytest.mark.parametrize(("variable", "value"), [("AWS_PROFILE", "nope"), ("AWS_ENDPOINT_URL", "nope")])
def test_a_wrong_setup_of_boto3_is_one_sentence(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """It fails before the API is asked, with errors of other kinds."""
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(RehearsalError, match=r"boto3 cannot work as it is set up: .*nope.*look at the variables AWS_"):
        price_list.connect()


def test_two_prices_of_one_thing_are_none(client: "tuple[PricingClient, Stubber]") -> None:
    """A query that fits two products is not answered by chance."""
    made, stubber = client
    answer = {"FormatVersion": "aws_v1", "PriceList": [_product("1", "x"), _product("2", "x")]}
    stubber.add_response("get_products", answer)
    with pytest.raises(RehearsalError, match=r"2 prices of .*: \[1\.0, 2\.0\]"):
        price_list.refresh(
            prices.Prices(date="2026-01-01", source="-", currency="USD", spot_share=1, regions={}),
            region="eu-central-1",
            client=made,
            progress=lambda _line: None,
        )


def test_an_unknown_item_is_named() -> None:
    """A new kind of charge needs its query."""
    with pytest.raises(UsageError, match=r"'lambda/second'; add it to rehearsal/price_list\.py"):
        price_list.queries(["lambda/second"])


def test_a_table_is_written_in_order_and_read_again(tmp_path: Path) -> None:
    """So that a renewal shows as few changed lines as there are changed prices."""
    file = tmp_path / "prices.json"
    prices.save(prices.load(), file)
    assert file.read_text() == prices.FILE.read_text()
    file.write_text("{}")
    with pytest.raises(RehearsalError, match=r"prices\.json cannot be read"):
        prices.load(file)
