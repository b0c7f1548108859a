"""Node groups as the stand-in writes them, and the nodes that they stand for."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import instance_types
from rehearsal.cloud import node_groups, quantity
from rehearsal.errors import RehearsalError
from tests.rehearsal.samples import group


def test_a_file_becomes_nodes_with_what_the_stack_asked_for(tmp_path: Path) -> None:
    """Instance type, GPUs, memory, zone, taints and labels are those of the group."""
    (tmp_path / "cluster.gpu.json").write_text(group().model_dump_json())
    (tmp_path / ".half.json").write_text("{")
    (tmp_path / "half.tmp").write_text("{")
    (found,) = node_groups.read(tmp_path)
    node = node_groups.node(found, 4)
    assert (
        node["metadata"]["labels"]
        | {
            "inferstack.dev/pool": "gpu",
            "node.kubernetes.io/instance-type": "g6.xlarge",
            "topology.kubernetes.io/zone": "eu-central-1b",
            "topology.kubernetes.io/region": "eu-central-1",
            "eks.amazonaws.com/nodegroup": "gpu",
            "eks.amazonaws.com/capacityType": "ON_DEMAND",
        }
        == node["metadata"]["labels"]
    )
    assert node["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]
    assert node_groups.status(found)["status"]["capacity"]["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize("name", [*instance_types.GPU_TYPES, *instance_types.SYSTEM_TYPES])
def test_the_system_takes_its_part_of_a_node(name: str) -> None:
    """Pods get less than the machine has, of every type; GPUs are all theirs."""
    instance = instance_types.find(name)
    has, gives = node_groups.capacity(instance), node_groups.allocatable(instance)
    for resource in ("cpu", "memory"):
        assert quantity.parse(has[resource]) * Fraction(8, 10) < quantity.parse(gives[resource])
        assert quantity.parse(gives[resource]) < quantity.parse(has[resource])
    assert gives.get("nvidia.com/gpu") == has.get("nvidia.com/gpu")


def test_a_node_of_the_smallest_type_is_as_the_node_agent_says() -> None:
    """An m7i.large gives 1930m of CPU, which is what its kubelet reports."""
    assert node_groups.allocatable(instance_types.find("m7i.large"))["cpu"] == "1930m"


def test_an_unknown_type_and_a_damaged_file_are_sentences(tmp_path: Path) -> None:
    """They name the group or the file, and what to do."""
    with pytest.raises(RehearsalError, match=r"node group gpu: nothing is known of .*'x9\.huge'; add it to infra"):
        _ = group(instance_types=("x9.huge",)).instance
    (tmp_path / "bad.json").write_text('{"name": "gpu"}')
    with pytest.raises(RehearsalError, match=r"bad\.json is not what a node group looks like"):
        node_groups.read(tmp_path)


@given(number=st.integers(0, 10**6))
def test_quantities_are_exact(number: int) -> None:
    """Thousandths and powers of two and ten mean what Kubernetes says that they mean."""
    assert quantity.parse(f"{number}m") == Fraction(number, 1000)
    assert quantity.parse(f"{number}Ki") == number * 1024
    assert quantity.parse(f"{number}G") == quantity.parse(f"{number}e9") == number * 10**9
    assert quantity.parse(number) == number


def test_what_is_no_quantity_is_refused() -> None:
    """A word is none."""
    with pytest.raises(ValueError, match="'much' is no quantity"):
        quantity.parse("much")
