"""The words that templates may use beside the properties: what a value is derived from."""

import hashlib
import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rehearsal.standin.cloud import Cloud, Memory
from rehearsal.standin.templates import letters
from rehearsal.standin.values import UNKNOWN, Properties, Value, has_unknown, plain, unwrap

_DOCUMENTATION = ipaddress.ip_network("203.0.113.0/24")
"""Addresses that belong to nobody (RFC 5737)."""

SUBNET = "aws:ec2/subnet:Subnet"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One resource while its outputs are made: what is there so far, and where it lives."""

    cloud: Cloud
    memory: Memory
    urn: str
    properties: Properties
    id: Value = None
    previous: Mapping[str, Value] = field(default_factory=dict[str, Value])
    preview: bool = False

    def lookup(self, word: str) -> Value:
        """Return the value of a word: a word of this module, or a property by its dotted path."""
        if word in WORDS:
            return WORDS[word](self)
        return at(self.properties, word)

    def text(self, path: str) -> str:
        """Return a property as text; empty where it is missing or unknown."""
        value = unwrap(at(self.properties, path))
        return value if isinstance(value, str) else ""


def at(value: Value, path: str) -> Value:
    """Return what lies at a dotted path; None where nothing does, UNKNOWN below something unknown."""
    for part in path.split("."):
        value = unwrap(value)
        if value is UNKNOWN:
            return UNKNOWN
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def first_subnet(properties: Mapping[str, Value]) -> Value:
    """Return the first subnet that a resource names, wherever its type names them."""
    for path in ("subnetIds", "subnets", "vpcConfig.subnetIds"):
        value = unwrap(at(properties, path))
        if isinstance(value, Sequence) and not isinstance(value, str) and value:
            return value[0]
    return None


def _region(scope: Scope) -> Value:
    return at(scope.properties, "region") or scope.cloud.region


def _vpc_of_subnet(scope: Scope) -> Value:
    subnet = scope.memory.find(SUBNET, first_subnet(scope.properties))
    return subnet.get("vpcId") or f"vpc-{letters('hex', 17, scope.urn)}"


def _zone_id(scope: Scope) -> Value:
    """A zone's id as it might be in this account: use1-az1 is what us-east-1a is called in one of them."""
    area, direction, number = (*scope.text("region").split("-"), "", "", "")[:3]
    zone = scope.text("availabilityZone")[-1:] or "a"
    return f"{area}{direction[:1]}{number[:1]}-az{ord(zone) - ord('a') + 1}"


def _after_fifth_colon(scope: Scope) -> Value:
    return scope.id.split(":", 5)[-1].removeprefix("loadbalancer/") if isinstance(scope.id, str) else UNKNOWN


def _listener(scope: Scope) -> Value:
    return scope.text("loadBalancerArn").replace(":loadbalancer/", ":listener/") or UNKNOWN


def _balancer_kind(scope: Scope) -> Value:
    kinds = {"network": "net", "gateway": "gwy"}
    return kinds.get(scope.text("loadBalancerType"), "app")


def _record_name(scope: Scope) -> Value:
    return scope.text("name").rstrip(".") or UNKNOWN


def _record_set(scope: Scope) -> Value:
    """What tells records of one name and type apart; nothing for a simple record."""
    return f"_{scope.text('setIdentifier')}" if scope.text("setIdentifier") else ""


def _event_target(scope: Scope) -> Value:
    """A target's own id, or the one that Terraform would make up."""
    return at(scope.properties, "targetId") or f"terraform-{letters('digits', 26, scope.urn)}"


def _count(scope: Scope) -> Value:
    """How often the resource was written: what launch templates call their latest version."""
    if scope.preview:
        return UNKNOWN
    before = unwrap(scope.previous.get("latestVersion"))
    return before + 1 if isinstance(before, int) else 1


def _digest(scope: Scope) -> Value:
    """What stands for the content of an image: a hash of all inputs but the credentials, known after the update."""
    if scope.preview or has_unknown(scope.properties):
        return UNKNOWN
    made = {"contextHash", "digest", "ref", "registries", "__defaults"}
    inputs = {key: plain(value) for key, value in scope.properties.items() if key not in made}
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _first_tag(scope: Scope) -> Value:
    tags = unwrap(at(scope.properties, "tags"))
    return tags[0] if isinstance(tags, Sequence) and not isinstance(tags, str) and tags else "stand-in"


def _address(network: ipaddress.IPv4Network | ipaddress.IPv6Network, scope: Scope) -> str:
    return str(network[1 + int(letters("hex", 8, scope.urn), 16) % (network.num_addresses - 2)])


WORDS: Mapping[str, Callable[[Scope], Value]] = {
    "account": lambda scope: scope.cloud.told.account,
    "partition": lambda scope: scope.cloud.partition,
    "dns": lambda scope: scope.cloud.domain,
    "region": _region,
    "id": lambda scope: scope.id,
    "told.endpoint": lambda scope: scope.cloud.told.endpoint,
    "told.certificate_authority": lambda scope: scope.cloud.told.certificate_authority,
    "count": _count,
    "digest": _digest,
    "first-tag": _first_tag,
    "zone-id": _zone_id,
    "vpc-of-subnet": _vpc_of_subnet,
    "documentation-ip": lambda scope: _address(_DOCUMENTATION, scope),
    "private-ip": lambda scope: _address(ipaddress.ip_network("10.0.0.0/16"), scope),
    "url-host": lambda scope: scope.text("url").removeprefix("https://") or UNKNOWN,
    "id-after-colon-5": _after_fifth_colon,
    "listener-of-balancer": _listener,
    "balancer-kind": _balancer_kind,
    "name-without-dot": _record_name,
    "record-set": _record_set,
    "event-target": _event_target,
}
"""Every word, and what it stands for."""
