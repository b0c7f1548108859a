"""Removal of packet rules."""

from hypothesis import given
from hypothesis import strategies as st

from local import firewall

SAVED = """*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SEP-X - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -i docker0 -j RETURN
-A KUBE-SERVICES -d 10.201.8.1/32 -p tcp -j KUBE-SEP-X
-A KUBE-SEP-X -p tcp -j DNAT --to-destination 10.201.0.2:8080
COMMIT
""".splitlines()


def test_only_ours_goes() -> None:
    """Chains of the cluster, and the jumps to them, are removed; another program's chains and rules are not named."""
    assert firewall.removal_script("nat", SAVED, prefixes=firewall.OUR_PREFIXES).splitlines() == [
        "*nat",
        '-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        "-F KUBE-SERVICES",
        "-F KUBE-SEP-X",
        "-X KUBE-SERVICES",
        "-X KUBE-SEP-X",
        "COMMIT",
    ]


def test_nothing_of_ours_gives_no_script() -> None:
    """A table without our chains is not written at all."""
    foreign = [line for line in SAVED if "KUBE" not in line]
    assert firewall.removal_script("nat", foreign, prefixes=firewall.OUR_PREFIXES) == ""


@given(st.lists(st.sampled_from(SAVED[1:-1])))
def test_every_line_removes_something_of_ours(saved: list[str]) -> None:
    """Whatever a table holds, a script deletes only jumps to our chains and our chains."""
    script = firewall.removal_script("nat", saved, prefixes=firewall.OUR_PREFIXES)
    for line in script.splitlines()[1:-1]:
        assert "KUBE-" in line
        assert not line.startswith("-A")


def test_empty_tables_are_recognised() -> None:
    """A table counts as empty only if its chains are built-in, accept, and have no rule."""
    assert firewall.is_empty(["*nat", ":PREROUTING ACCEPT [0:0]", "COMMIT"])
    assert not firewall.is_empty(["*filter", ":INPUT DROP [0:0]", "COMMIT"])
    assert not firewall.is_empty(["*nat", ":PREROUTING ACCEPT [0:0]", ":DOCKER - [0:0]", "COMMIT"])
    assert not firewall.is_empty(["*nat", ":PREROUTING ACCEPT [0:0]", "-A PREROUTING -j LOG", "COMMIT"])
