"""The stand-in for the cluster autoscaler."""

from hypothesis import given
from hypothesis import strategies as st

from rehearsal.cloud import growth
from tests.rehearsal.samples import group, pod

WAITS = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."


def _names(count: int) -> list[str]:
    return [f"serving-{index}" for index in range(count)]


@given(waiting=st.integers(0, 20), smallest=st.integers(0, 3), more=st.integers(0, 6))
def test_a_group_grows_by_what_is_needed_and_never_past_its_maximum(waiting: int, smallest: int, more: int) -> None:
    """One node for each GPU that is wanted; the pods beyond the maximum are named with the group that is full."""
    largest = max(smallest + more, 1)
    pool = group(min=smallest, desired=smallest, max=largest)
    pods = [pod(name, pending=WAITS) for name in _names(waiting)]
    plan = growth.plan([pool], sizes={"gpu": smallest}, all_pods=pods)
    assert plan.sizes["gpu"] == min(max(smallest, waiting), largest)
    assert len(plan.at_maximum) == max(0, waiting - largest)
    assert set(plan.at_maximum.values()) <= {"gpu"}
    assert plan.nowhere == ()


def test_pods_share_a_node_where_they_fit() -> None:
    """Four pods of one GPU need one node of four, and its CPU counts too."""
    pool = group(instance_types=("g6.12xlarge",), min=0, desired=0)
    pods = [pod(name, pending=WAITS) for name in _names(4)]
    assert growth.plan([pool], sizes={"gpu": 0}, all_pods=pods).sizes == {"gpu": 1}
    large = [{"name": "c", "resources": {"requests": {"cpu": "30", "nvidia.com/gpu": "1"}}}]
    pods = [pod(name, pending=WAITS, containers=large) for name in _names(4)]
    assert growth.plan([pool], sizes={"gpu": 0}, all_pods=pods).sizes == {"gpu": 4}


def test_room_that_others_take_is_no_room() -> None:
    """A GPU in use is not given twice; one of a pod that has ended is free."""
    pool = group(min=1, desired=1)
    busy, waiting = pod("old", node="gpu-0"), pod("new", pending=WAITS)
    assert growth.plan([pool], sizes={"gpu": 1}, all_pods=[busy, waiting]).sizes == {"gpu": 2}
    ended = {**busy, "status": {"phase": "Succeeded"}}
    assert growth.plan([pool], sizes={"gpu": 1}, all_pods=[ended, waiting]).sizes == {"gpu": 1}


def test_a_pod_that_is_overlooked_gets_a_node_of_its_own() -> None:
    """Where the scheduler leaves a pod pending although there seems to be room, the autoscaler tries a new node."""
    waiting = pod("new", pending="didn't match pod topology spread constraints")
    plan = growth.plan([group()], sizes={"gpu": 3}, all_pods=[waiting], overlooked={"inferstack/new"})
    assert plan.sizes == {"gpu": 4}


def test_a_pod_that_no_group_could_take_makes_nothing_grow() -> None:
    """Wrong label, taint not tolerated, more GPUs than a node has: named, and no node is made."""
    pods = [
        pod("label", pending=WAITS, nodeSelector={"inferstack.dev/pool": "other"}),
        pod("taint", pending=WAITS, tolerations=[]),
        pod("gpus", gpus=2, pending=WAITS),
    ]
    plan = growth.plan([group()], sizes={"gpu": 3}, all_pods=pods)
    assert plan.sizes == {"gpu": 3}
    assert plan.nowhere == ("inferstack/gpus", "inferstack/label", "inferstack/taint")


def test_affinity_is_followed() -> None:
    """A required node affinity chooses among groups as a node selector does."""
    spot, lasting = group(name="spot", capacity_type="SPOT"), group(name="lasting")
    wanted = {"key": "eks.amazonaws.com/capacityType", "operator": "In", "values": ["ON_DEMAND"]}
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [wanted]}]}
        }
    }
    plan = growth.plan(
        [lasting, spot], sizes={"spot": 0, "lasting": 0}, all_pods=[pod("new", pending=WAITS, affinity=affinity)]
    )
    assert plan.sizes == {"spot": 0, "lasting": 1}


def test_daemon_sets_make_no_node() -> None:
    """A pod that belongs to one node gets no other."""
    waiting = pod("agent", pending=WAITS)
    waiting["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "agent"}]
    assert growth.plan([group()], sizes={"gpu": 3}, all_pods=[waiting]) == growth.Growth(sizes={"gpu": 3})
