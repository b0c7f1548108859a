"""What a user can choose about the embedded cluster."""

from dataclasses import dataclass

from local.errors import ClusterError

NODE_PORTS = range(30000, 32768)
MAX_GPUS = 64


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """The embedded cluster's settings.

    Attributes:
        gpus: how many simulated `nvidia.com/gpu` the real node offers, 0 to 64.
        gateway_port: the NodePort on 127.0.0.1 that the stack's gateway will use; checked to be free, 30000 to 32767.
    """

    gpus: int = 2
    gateway_port: int = 30080

    def __post_init__(self) -> None:
        if not 0 <= self.gpus <= MAX_GPUS:
            raise ClusterError(f"gpus is {self.gpus}; allowed is 0 to {MAX_GPUS}")
        if self.gateway_port not in NODE_PORTS:
            raise ClusterError(
                f"gateway_port is {self.gateway_port}; allowed is {NODE_PORTS.start} to {NODE_PORTS.stop - 1},"
                " the range that Kubernetes gives to NodePorts"
            )
