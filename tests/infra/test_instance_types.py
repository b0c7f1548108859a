"""The table of instance types against what EC2 says of them."""

from __future__ import annotations

import pytest
from moto.ec2.models.instance_types import INSTANCE_TYPES

from infra import instance_types
from infra.instance_types import GPU_TYPES, SYSTEM_TYPES

KNOWN = {**GPU_TYPES, **SYSTEM_TYPES}


@pytest.mark.parametrize("name", KNOWN)
def test_a_type_is_what_ec2_says(name: str) -> None:
    """vCPUs, memory, disks, number and model of GPUs are those of EC2's own answer, and the processor is x86-64."""
    told = INSTANCE_TYPES[name]
    known = instance_types.find(name)
    assert known.name == name
    assert (known.vcpus, known.memory_gib) == (
        told["VCpuInfo"]["DefaultVCpus"],
        told["MemoryInfo"]["SizeInMiB"] / 1024,
    )
    assert known.disk_mb_per_second == told["EbsInfo"]["EbsOptimizedInfo"]["BaselineThroughputInMBps"]
    assert told["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64"]
    gpus = told.get("GpuInfo", {}).get("Gpus", [])
    assert known.gpus == sum(gpu["Count"] for gpu in gpus)
    if known.gpu is None:
        assert not gpus
        return
    (gpu,) = gpus
    # EC2 calls both sizes of an A100 by one name.
    assert known.gpu.name.split()[0] == gpu["Name"]
    # EC2 counts what the driver leaves: NVIDIA's 24 GB are 22.35 GiB there.
    assert gpu["MemoryInfo"]["SizeInMiB"] / 1024 == pytest.approx(known.gpu.memory_gib, rel=0.08)


def test_from_t4_to_b200() -> None:
    """GPU types range from Turing to Blackwell, and each has a model."""
    architectures = {known.gpu.architecture for known in GPU_TYPES.values() if known.gpu}
    assert architectures == {"sm75", "sm80", "sm86", "sm89", "sm90", "sm100"}
    assert all(known.gpus and known.gpu for known in GPU_TYPES.values())
    assert not any(known.gpus for known in SYSTEM_TYPES.values())


def test_an_unknown_type_is_an_error() -> None:
    """A type that is in neither table is a KeyError."""
    with pytest.raises(KeyError):
        instance_types.find("g3.4xlarge")
