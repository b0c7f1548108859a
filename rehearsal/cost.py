"""What a stack costs in a month: the fixed part, out of its resources and a price table."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.cloud import quantity
from rehearsal.report import Cost, CostLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rehearsal.prices import Prices

Json = dict[str, Any]
HOURS = 730
"""A month, as AWS's calculator takes it."""


@dataclass(frozen=True, kw_only=True)
class Charge:
    """So much of something in a month.

    Attributes:
        item: the key of its price.
        amount: hours, or gigabytes for a month, or pieces for a month.
        at_most: the same with every node group at its maximum.
        share: of the price; less than 1 for spot capacity.
    """

    item: str
    amount: float
    at_most: float
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A stack as it is at one moment.

    Attributes:
        resources: of Pulumi's state: `type`, `inputs` and `outputs` are read.
        nodes: how many nodes each node group has, by name; a group that is not in it has its desired size.
    """

    resources: Sequence[Json] = ()
    nodes: Mapping[str, int] = field(default_factory=dict[str, int])


def estimate(before: Deployed, after: Deployed, *, prices: Prices, region: str) -> Cost:
    """Return what both cost, item by item."""
    table = prices.regions.get(region, {})
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    without_price: set[str] = set()
    for place, deployed in enumerate((before, after)):
        for charge in charges(deployed, spot_share=prices.spot_share):
            price = table.get(charge.item)
            if price is None:
                without_price.add(charge.item)
                continue
            sums[charge.item][place] += charge.amount * price * charge.share
            if place:
                sums[charge.item][2] += charge.at_most * price * charge.share
    lines = [
        CostLine(item=item, before=round(old, 2), after=round(new, 2), at_most=round(most, 2))
        for item, (old, new, most) in sums.items()
    ]
    return Cost(
        currency=prices.currency,
        region=region,
        prices_of=prices.date,
        source=prices.source,
        stale=prices.is_stale(dt.datetime.now(dt.UTC).date()),
        before=round(sum(line.before for line in lines), 2),
        after=round(sum(line.after for line in lines), 2),
        at_most=round(sum(line.at_most for line in lines), 2),
        lines=tuple(sorted(lines, key=lambda line: (-max(line.before, line.after), line.item))),
        without_price=tuple(sorted(without_price)),
    )


def charges(deployed: Deployed, *, spot_share: float) -> Iterator[Charge]:
    """What is charged for these resources; those that cost nothing, or only by use, are passed over."""
    disks = _disks(deployed.resources)
    for resource in deployed.resources:
        inputs: Json = resource.get("inputs") or {}
        if resource["type"] == "aws:eks/nodeGroup:NodeGroup":
            outputs: Json = resource.get("outputs") or {}
            yield from _node_group(inputs, outputs, deployed.nodes, disks, spot_share)
        elif charge := _CHARGES.get(resource["type"]):
            yield from charge(inputs)


def _fixed(item: str, amount: float) -> Charge:
    return Charge(item=item, amount=amount, at_most=amount)


def _hourly(item: str) -> Callable[[Json], Iterator[Charge]]:
    """Of what is charged by the hour, whatever its inputs."""
    return lambda _inputs: iter([_fixed(item, HOURS)])


def _monthly(item: str) -> Callable[[Json], Iterator[Charge]]:
    """Of what is charged by the month, whatever its inputs."""
    return lambda _inputs: iter([_fixed(item, 1)])


def _instance(inputs: Json) -> Iterator[Charge]:
    yield _fixed(f"ec2/{inputs.get('instanceType')}", HOURS)


def _endpoint(inputs: Json) -> Iterator[Charge]:
    if inputs.get("vpcEndpointType") == "Interface":
        yield _fixed("vpc/interface-endpoint", HOURS * len(inputs.get("subnetIds") or ()))


def _load_balancer(inputs: Json) -> Iterator[Charge]:
    yield _fixed(f"lb/{inputs.get('loadBalancerType', 'application')}", HOURS)


def _claim(inputs: Json) -> Iterator[Charge]:
    size = inputs.get("spec", {}).get("resources", {}).get("requests", {}).get("storage", "0")
    yield _fixed("ebs/gp3", float(quantity.parse(size) / 2**30))


def _stateful_set(inputs: Json) -> Iterator[Charge]:
    """The claims that the set makes for each of its pods."""
    spec: Json = inputs.get("spec") or {}
    templates: list[Json] = spec.get("volumeClaimTemplates") or []
    for template in templates * int(spec.get("replicas", 1)):
        yield from _claim(template)


def _node_group(
    inputs: Json, outputs: Json, nodes: Mapping[str, int], disks: Mapping[str, float], spot_share: float
) -> Iterator[Charge]:
    scaling: Json = inputs.get("scalingConfig") or {}
    name = inputs.get("nodeGroupName") or outputs.get("nodeGroupName") or ""
    count = nodes.get(name, int(scaling.get("desiredSize", 0)))
    most = int(scaling.get("maxSize", count))
    share = spot_share if inputs.get("capacityType") == "SPOT" else 1.0
    types = inputs.get("instanceTypes") or ["?"]
    yield Charge(item=f"ec2/{types[0]}", amount=HOURS * count, at_most=HOURS * most, share=share)
    template: Json = inputs.get("launchTemplate") or {}
    size = disks.get(template.get("id") or template.get("name") or "", float(inputs.get("diskSize", 20)))
    yield Charge(item="ebs/gp3", amount=size * count, at_most=size * most)


def _disks(resources: Iterable[Json]) -> dict[str, float]:
    """Gigabytes of disk that an instance of a launch template has, by the template's id and name."""
    found: dict[str, float] = {}
    for resource in resources:
        if resource["type"] != "aws:ec2/launchTemplate:LaunchTemplate":
            continue
        inputs: Json = resource.get("inputs") or {}
        outputs: Json = resource.get("outputs") or {}
        devices: list[Json] = inputs.get("blockDeviceMappings") or []
        size = sum(_gigabytes(device.get("ebs") or {}) for device in devices)
        for name in (resource.get("id"), outputs.get("id"), inputs.get("name"), outputs.get("name")):
            if name:
                found[str(name)] = size
    return found


def _gigabytes(disk: Json) -> float:
    return float(disk.get("volumeSize") or 0)


def _database(inputs: Json) -> Iterator[Charge]:
    zones = "multi-zone" if inputs.get("multiAz") else "single-zone"
    yield _fixed(f"rds/{inputs.get('instanceClass')}/{zones}", HOURS)
    yield _fixed(f"rds/storage/{zones}", float(inputs.get("allocatedStorage") or 0))
    if inputs.get("manageMasterUserPassword"):
        yield _fixed("secretsmanager/secret", 1)


_CHARGES: dict[str, Callable[[Json], Iterator[Charge]]] = {
    "aws:ec2/eip:Eip": _hourly("vpc/public-address"),
    "aws:ec2/instance:Instance": _instance,
    "aws:ec2/natGateway:NatGateway": _hourly("vpc/nat-gateway"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:eks/cluster:Cluster": _hourly("eks/cluster"),
    "aws:kms/key:Key": _monthly("kms/key"),
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:rds/instance:Instance": _database,
    "aws:route53/zone:Zone": _monthly("route53/zone"),
    "aws:secretsmanager/secret:Secret": _monthly("secretsmanager/secret"),
    "kubernetes:apps/v1:StatefulSet": _stateful_set,
    "kubernetes:core/v1:PersistentVolumeClaim": _claim,
}
