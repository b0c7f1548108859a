"""The cloud as the stand-in sees it in one run: the provider's configuration, and what it has met so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rehearsal.standin.told import Told
from rehearsal.standin.values import Value, unwrap


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """One account and region, with the tags that the provider gives to everything."""

    told: Told
    region: str
    default_tags: Mapping[str, Value]

    @property
    def partition(self) -> str:
        """The part of AWS that the region belongs to."""
        prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
        return next((name for prefix, name in prefixes.items() if self.region.startswith(prefix)), "aws")

    @property
    def domain(self) -> str:
        """The domain under which AWS serves this partition."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"


@dataclass
class Memory:
    """What this process has met.

    `inputs` holds the newest inputs by type and id, so that a node group can look up its subnets' zones;
    `replaced` the id of the resource that a URN is about to replace; `names` the automatic names that a URN had;
    `created` who made an id, so that a second maker is refused as the cloud would.
    """

    inputs: dict[tuple[str, str], Mapping[str, Value]] = field(
        default_factory=dict[tuple[str, str], Mapping[str, Value]]
    )
    replaced: dict[str, str] = field(default_factory=dict[str, str])
    names: dict[str, str] = field(default_factory=dict[str, str])
    created: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def find(self, token: str, identifier: Value) -> Mapping[str, Value]:
        """Return the inputs of a resource met in this run; empty where it was not met."""
        plain_id = unwrap(identifier)
        return self.inputs.get((token, plain_id), {}) if isinstance(plain_id, str) else {}
