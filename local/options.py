"""What the stack file says about the embedded cluster, in the cluster's own terms."""

from dataclasses import dataclass
from typing import Self

from infra.settings import EmbeddedCluster, Settings


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """The embedded cluster's settings; `infra.settings` has checked their ranges.

    Attributes:
        gpus: how many simulated `nvidia.com/gpu` the real node offers.
        pool: the one GPU pool, which the real node is labelled with.
        gateway_port: the NodePort on 127.0.0.1 that the stack's gateway will use; checked to be free.
    """

    gpus: int
    pool: str
    gateway_port: int

    @classmethod
    def of(cls, wanted: Settings) -> Self | None:
        """Return what a stack asks for, or None if it asks for no embedded cluster."""
        if not isinstance(wanted.cluster, EmbeddedCluster):
            return None
        (pool,) = wanted.pools
        return cls(gpus=wanted.cluster.gpus, pool=pool.name, gateway_port=wanted.gateway.node_port)
