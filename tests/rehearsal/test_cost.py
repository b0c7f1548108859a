"""Fixed cost of a month."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.cost import HOURS, Deployed, estimate
from rehearsal.prices import Prices

Json = dict[str, Any]
PRICES = Prices(
    date="2026-01-01",
    source="a test",
    currency="USD",
    spot_share=0.5,
    regions={
        "eu-central-1": {
            "ec2/g6.xlarge": 1.0,
            "ebs/gp3": 0.1,
            "vpc/nat-gateway": 0.05,
            "vpc/interface-endpoint": 0.01,
            "rds/db.m7g.large/multi-zone": 0.4,
            "rds/storage/multi-zone": 0.25,
            "secretsmanager/secret": 0.4,
            "kms/key": 1.0,
        }
    },
)
TEMPLATE: Json = {
    "type": "aws:ec2/launchTemplate:LaunchTemplate",
    "id": "lt-1",
    "inputs": {"blockDeviceMappings": [{"ebs": {"volumeSize": 100}}]},
}


def _group(**changed: object) -> Json:
    inputs = {
        "nodeGroupName": "gpu",
        "instanceTypes": ["g6.xlarge"],
        "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 4},
        "launchTemplate": {"id": "lt-1"},
        **changed,
    }
    return {"type": "aws:eks/nodeGroup:NodeGroup", "inputs": inputs}


def _after(*resources: Json, nodes: dict[str, int] | None = None) -> dict[str, tuple[float, float]]:
    cost = estimate(Deployed(), Deployed(resources=resources, nodes=nodes or {}), prices=PRICES, region="eu-central-1")
    assert cost.without_price == ()
    return {line.item: (line.after, line.at_most) for line in cost.lines}


def test_nodes_cost_as_many_as_there_were_and_at_most_the_maximum() -> None:
    """Machines and their disks: at the size that the group had at the end, and at its maximum."""
    assert _after(TEMPLATE, _group(), nodes={"gpu": 2}) == {
        "ec2/g6.xlarge": (2 * HOURS, 4 * HOURS),
        "ebs/gp3": (20.0, 40.0),
    }


def test_spot_costs_its_share() -> None:
    """Spot capacity is a part of the list price; its disks are not cheaper."""
    costs = _after(TEMPLATE, _group(capacityType="SPOT"))
    assert costs["ec2/g6.xlarge"] == (HOURS / 2, 2 * HOURS)
    assert costs["ebs/gp3"] == (10.0, 40.0)


def test_a_database_costs_its_class_its_storage_and_its_password() -> None:
    """In two zones both count twice, which is what the prices of two zones say."""
    database = {
        "type": "aws:rds/instance:Instance",
        "inputs": {
            "instanceClass": "db.m7g.large",
            "multiAz": True,
            "allocatedStorage": 100,
            "manageMasterUserPassword": True,
        },
    }
    assert _after(database) == {
        "rds/db.m7g.large/multi-zone": (292.0, 292.0),
        "rds/storage/multi-zone": (25.0, 25.0),
        "secretsmanager/secret": (0.4, 0.4),
    }


def test_an_interface_endpoint_costs_in_each_subnet_and_a_gateway_nothing() -> None:
    """Gateway endpoints are free."""
    interface = {"vpcEndpointType": "Interface", "subnetIds": ["a", "b", "c"]}
    resources = [
        {"type": "aws:ec2/vpcEndpoint:VpcEndpoint", "inputs": interface},
        {"type": "aws:ec2/vpcEndpoint:VpcEndpoint", "inputs": {"vpcEndpointType": "Gateway"}},
    ]
    assert _after(*resources) == {"vpc/interface-endpoint": (21.9, 21.9)}


def test_a_claim_costs_its_size() -> None:
    """Disks of pods count as those of nodes do."""
    claim = {"resources": {"requests": {"storage": "50Gi"}}}
    assert _after({"type": "kubernetes:core/v1:PersistentVolumeClaim", "inputs": {"spec": claim}})["ebs/gp3"][0] == 5.0


def test_a_set_costs_a_claim_for_each_of_its_pods() -> None:
    """The claims that a StatefulSet makes are no resources of the program, and cost all the same."""
    template = {"spec": {"resources": {"requests": {"storage": "50Gi"}}}}
    kind = "kubernetes:apps/v1:StatefulSet"
    assert (
        _after({"type": kind, "inputs": {"spec": {"replicas": 2, "volumeClaimTemplates": [template]}}})["ebs/gp3"][0]
        == 10
    )
    assert _after({"type": kind, "inputs": {"spec": {"replicas": 2}}}) == {}


def test_what_has_no_price_is_named_and_not_counted() -> None:
    """An instance type that the table lacks is no zero that hides in a sum."""
    key: Json = {"type": "aws:kms/key:Key", "inputs": {}}
    after = Deployed(resources=[_group(instanceTypes=["p9.huge"], launchTemplate={}), key])
    cost = estimate(Deployed(resources=[key]), after, prices=PRICES, region="eu-central-1")
    assert cost.without_price == ("ec2/p9.huge",)
    assert (cost.before, cost.after) == (1.0, 3.0)  # the key, and a disk of 20 GB
    nowhere = estimate(Deployed(), after, prices=PRICES, region="mars-north-1")
    assert nowhere.without_price == ("ebs/gp3", "ec2/p9.huge", "kms/key")


@given(gateways=st.integers(0, 9))
def test_sums_are_the_sums_of_their_lines(gateways: int) -> None:
    """Nothing is added that no line shows."""
    resources: list[Json] = [{"type": "aws:ec2/natGateway:NatGateway", "inputs": {}}] * gateways
    cost = estimate(Deployed(), Deployed(resources=resources), prices=PRICES, region="eu-central-1")
    assert cost.after == pytest.approx(36.5 * gateways)
    assert cost.after == pytest.approx(sum(line.after for line in cost.lines))
