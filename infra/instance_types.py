"""The EC2 instance types that a pool may be made of, as data.

Sources: https://aws.amazon.com/ec2/instance-types/accelerated-computing/ (GPUs, vCPUs, memory),
https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html (EBS) and
https://developer.nvidia.com/cuda-gpus (compute capability), read 2026-11. A test compares them with the answers of
EC2's DescribeInstanceTypes that moto carries.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU model.

    Attributes:
        name: as NVIDIA calls it.
        memory_gib: of one GPU.
        compute_capability: of its architecture, for example 75 for sm75.
    """

    name: str
    memory_gib: int
    compute_capability: int

    @property
    def architecture(self) -> str:
        """As CUDA names it: ``sm75``."""
        return f"sm{self.compute_capability}"


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """An instance type; all are x86-64, as the serving image is.

    Attributes:
        vcpus: as the operating system counts them.
        memory_gib: of the whole instance.
        disk_mb_per_second: what it keeps up to and from its EBS volumes; None if that is not known.
        gpus: how many there are.
        gpu: their model; None if there are none.
    """

    name: str
    vcpus: int
    memory_gib: int
    disk_mb_per_second: float | None = None
    gpus: int = 0
    gpu: Gpu | None = None


T4 = Gpu(name="T4", memory_gib=16, compute_capability=75)
A10G = Gpu(name="A10G", memory_gib=24, compute_capability=86)
L4 = Gpu(name="L4", memory_gib=24, compute_capability=89)
L40S = Gpu(name="L40S", memory_gib=48, compute_capability=89)
A100 = Gpu(name="A100", memory_gib=40, compute_capability=80)
A100_80 = Gpu(name="A100 80GB", memory_gib=80, compute_capability=80)
H100 = Gpu(name="H100", memory_gib=80, compute_capability=90)
H200 = Gpu(name="H200", memory_gib=141, compute_capability=90)
B200 = Gpu(name="B200", memory_gib=180, compute_capability=100)

# Columns: the type's name, its vCPUs, memory in GiB, MB a second of its disks, number of GPUs and their model.
_GPU_TYPES = (
    ("g4dn.xlarge", 4, 16, 118.75, 1, T4),
    ("g4dn.2xlarge", 8, 32, 143.75, 1, T4),
    ("g4dn.4xlarge", 16, 64, 593.75, 1, T4),
    ("g4dn.12xlarge", 48, 192, 1187.5, 4, T4),
    ("g5.xlarge", 4, 16, 87.5, 1, A10G),
    ("g5.2xlarge", 8, 32, 106.25, 1, A10G),
    ("g5.4xlarge", 16, 64, 593.75, 1, A10G),
    ("g5.12xlarge", 48, 192, 2000, 4, A10G),
    ("g5.48xlarge", 192, 768, 2375, 8, A10G),
    ("g6.xlarge", 4, 16, 125, 1, L4),
    ("g6.2xlarge", 8, 32, 250, 1, L4),
    ("g6.4xlarge", 16, 64, 1000, 1, L4),
    ("g6.12xlarge", 48, 192, 2500, 4, L4),
    ("g6.48xlarge", 192, 768, 7500, 8, L4),
    ("g6e.xlarge", 4, 32, 125, 1, L40S),
    ("g6e.2xlarge", 8, 64, 250, 1, L40S),
    ("g6e.4xlarge", 16, 128, 1000, 1, L40S),
    ("g6e.12xlarge", 48, 384, 2500, 4, L40S),
    ("g6e.48xlarge", 192, 1536, 7500, 8, L40S),
    ("p4d.24xlarge", 96, 1152, 2375, 8, A100),
    ("p4de.24xlarge", 96, 1152, 2375, 8, A100_80),
    ("p5.48xlarge", 192, 2048, 10000, 8, H100),
    ("p5en.48xlarge", 192, 2048, 12500, 8, H200),
    ("p6-b200.48xlarge", 192, 2048, 12500, 8, B200),
)
_SYSTEM_TYPES = (
    ("m6i.large", 2, 8, 81.25),
    ("m6i.xlarge", 4, 16, 156.25),
    ("m6i.2xlarge", 8, 32, 312.5),
    ("m7i.large", 2, 8, 81.25),
    ("m7i.xlarge", 4, 16, 156.25),
    ("m7i.2xlarge", 8, 32, 312.5),
)

GPU_TYPES = {
    name: InstanceType(name=name, vcpus=vcpus, memory_gib=memory, disk_mb_per_second=disk, gpus=gpus, gpu=gpu)
    for name, vcpus, memory, disk, gpus, gpu in _GPU_TYPES
}
SYSTEM_TYPES = {
    name: InstanceType(name=name, vcpus=vcpus, memory_gib=memory, disk_mb_per_second=disk)
    for name, vcpus, memory, disk in _SYSTEM_TYPES
}


def find(name: str) -> InstanceType:
    """The instance type of that name.

    Raises:
        KeyError: it is not one of :data:`GPU_TYPES` or :data:`SYSTEM_TYPES`.
    """
    return GPU_TYPES[name] if name in GPU_TYPES else SYSTEM_TYPES[name]
