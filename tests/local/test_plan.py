"""Ports and address ranges."""

import ipaddress
import json
import socket
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import plan as plans
from local.errors import ClusterError
from local.paths import Paths
from tests.local.test_certificates import PLAN

PORTS = st.integers(min_value=1024, max_value=65535)


@given(
    recorded=st.dictionaries(st.sampled_from(plans.PORT_NAMES), PORTS), busy=st.sets(st.sampled_from(plans.PORT_POOL))
)
def test_ports_are_free_distinct_and_stable(recorded: dict[str, int], busy: set[int]) -> None:
    """Whatever is recorded or busy: every name gets a free port of its own, and a free recorded one is kept."""
    chosen = plans.choose_ports(recorded=recorded, is_free=lambda port: port not in busy)
    assert tuple(chosen) == plans.PORT_NAMES
    assert len(set(chosen.values())) == len(chosen)
    assert not busy & set(chosen.values())
    kept = [name for name, port in recorded.items() if port not in busy and list(recorded.values()).count(port) == 1]
    assert all(chosen[name] == recorded[name] for name in kept)


def test_no_free_port_is_one_sentence() -> None:
    """A machine whose ports are all taken is told which range was tried."""
    with pytest.raises(ClusterError, match=r"no free TCP port is left on 127\.0\.0\.1 between 23100 and 23999"):
        plans.choose_ports(recorded={}, is_free=lambda _port: False)


@given(used=st.lists(st.sampled_from([cidr for triple in plans.NETWORKS[:-1] for cidr in triple]), max_size=4))
def test_networks_do_not_collide_with_routes(used: list[str]) -> None:
    """The chosen ranges overlap with no route of the machine, nor with each other."""
    routes = [ipaddress.IPv4Network(cidr) for cidr in used]
    chosen = [ipaddress.IPv4Network(cidr) for cidr in plans.choose_network(used=routes, recorded=None)]
    assert not any(network.overlaps(route) for network in chosen for route in routes)
    assert not any(a.overlaps(b) for a in chosen for b in chosen if a is not b)


def test_a_machine_in_every_network_is_one_sentence() -> None:
    """Where all of 10.0.0.0/8 is routed, the message lists what was tried."""
    with pytest.raises(ClusterError, match=r"every pod network that inferstack knows \(10.201.0.0/22, .* overlaps"):
        plans.choose_network(used=[ipaddress.IPv4Network("10.0.0.0/8")], recorded=None)


def test_plan_survives_and_the_registry_port_outlives_the_state(tmp_path: Path) -> None:
    """A plan is read back as written; after `down` the registry keeps its port, which is part of image names."""
    paths = Paths(checkout=tmp_path)
    first = plans.choose(paths, bridge="none")
    assert plans.load(paths) == first
    assert plans.choose(paths, bridge="none") == first
    moved = {**json.loads(paths.plan.read_text())["ports"], "registry": 23555}
    (paths.cache / "registry-port").write_text("23555")
    paths.plan.unlink()
    assert plans.choose(paths, bridge="none").ports["registry"] == moved["registry"]


def test_a_damaged_plan_is_no_plan(tmp_path: Path) -> None:
    """A file that an older version or a full disk left does not stop `up`."""
    paths = Paths(checkout=tmp_path)
    paths.plan.parent.mkdir(parents=True)
    whole = asdict(PLAN)
    incomplete = [json.dumps({**whole, "ports": {}}), json.dumps({**whole, "pod_cidr": "x"})]
    for content in ("", "{", "[]", '{"ports": {}}', *incomplete):
        paths.plan.write_text(content)
        assert plans.load(paths) is None


def test_port_is_free_tells_the_truth() -> None:
    """A port with a listener is busy, and free again when the listener is gone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not plans.port_is_free(port)
    assert plans.port_is_free(port)
