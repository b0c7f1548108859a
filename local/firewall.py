"""The host's packet rules: the ones that pods need, and the removal of every rule that a cluster leaves."""

from collections.abc import Iterable

from local.commands import CommandError, run, succeeds
from local.errors import ClusterError

FAMILIES = ("iptables", "ip6tables")
TABLES = ("filter", "nat", "mangle", "raw")
INPUT_CHAIN, FORWARD_CHAIN = "INFERSTACK-INPUT", "INFERSTACK-FORWARD"
# kube-proxy's and the kubelet's chains, and our own.
OUR_PREFIXES = ("KUBE-", "INFERSTACK-")
DNS_PORT = 53


def allow_pod_traffic(*, bridge: str, pod_cidr: str, gateway: str, apiserver_port: int) -> None:
    """Accept packets between pods, and from pods to the API server and the name server; refuse all others.

    Whatever else listens on this machine is no pod's business, and other machines on the network could route to pod
    addresses through this one.
    """
    remove_chains("iptables", prefixes=("INFERSTACK-",))
    rules = f"""*filter
:{INPUT_CHAIN} - [0:0]
:{FORWARD_CHAIN} - [0:0]
-A {INPUT_CHAIN} -i {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A {INPUT_CHAIN} -i {bridge} -d {gateway} -p tcp --dport {apiserver_port} -j ACCEPT
-A {INPUT_CHAIN} -i {bridge} -d {gateway} -p udp --dport {DNS_PORT} -j ACCEPT
-A {INPUT_CHAIN} -i {bridge} -d {gateway} -p tcp --dport {DNS_PORT} -j ACCEPT
-A {INPUT_CHAIN} -i {bridge} -j REJECT
-A {INPUT_CHAIN} -i lo -j RETURN
-A {INPUT_CHAIN} -d {pod_cidr} -j DROP
-A {FORWARD_CHAIN} -i {bridge} -o {bridge} -j ACCEPT
-A {FORWARD_CHAIN} -i {bridge} -j REJECT
-A {FORWARD_CHAIN} -o {bridge} -j DROP
-I INPUT -j {INPUT_CHAIN}
-I FORWARD -j {FORWARD_CHAIN}
COMMIT
"""
    try:
        run("iptables-restore", "--noflush", stdin=rules)
    except CommandError as error:
        raise ClusterError(f"iptables refuses the pod network's rules: {error.reason}") from error


def foreign_node_chains() -> bool:
    """Tell whether kube-proxy's chains are there. Call it only while no cluster of ours can have made them."""
    return any(chain.startswith("KUBE-") for chain in _chains(_saved("iptables", "nat")))


def absent_tables() -> tuple[str, ...]:
    """Return the tables (`FAMILY TABLE`) that do not exist: the first rule makes a table with its built-in chains."""
    absent: list[str] = []
    for family in FAMILIES:
        present = _save(family)
        absent.extend(f"{family} {table}" for table in TABLES if f"*{table}" not in present)
    return tuple(absent)


def remove_all(*, absent: Iterable[str]) -> None:
    """Remove every chain with one of OUR_PREFIXES and every rule that jumps to one.

    Then remove the tables that were absent before, if nothing is in them. Only nft can do that; where it is missing,
    or iptables is the legacy one, empty built-in chains that accept everything remain.
    """
    for family in FAMILIES:
        remove_chains(family, prefixes=OUR_PREFIXES)
    for entry in absent:
        family, table = entry.split()
        if is_empty(_saved(family, table)):
            succeeds("nft", "delete", "table", "ip6" if family == "ip6tables" else "ip", table)


def is_empty(saved: Iterable[str]) -> bool:
    """Tell whether a table, as iptables-save printed it, has nothing but built-in chains that accept everything."""
    lines = [line for line in saved if line.startswith((":", "-"))]
    return all(line.startswith(":") and line.split()[1] == "ACCEPT" for line in lines)


def remove_chains(family: str, *, prefixes: tuple[str, ...]) -> None:
    """Remove the chains with these prefixes and the rules that jump to them, a table at a time."""
    for table in TABLES:
        script = removal_script(table, _saved(family, table), prefixes=prefixes)
        if script:
            run(f"{family}-restore", "--noflush", stdin=script)


def removal_script(table: str, saved: Iterable[str], *, prefixes: tuple[str, ...]) -> str:
    """Return the iptables-restore input that removes the chains from a table as iptables-save printed it.

    Empty when there is nothing to remove.
    """
    lines = list(saved)
    ours = [chain for chain in _chains(lines) if chain.startswith(prefixes)]
    if not ours:
        return ""
    jumps: list[str] = []
    for line in lines:
        words = line.split()
        if words[:1] != ["-A"] or words[1] in ours:
            continue
        targets = {words[i + 1] for i, word in enumerate(words[:-1]) if word in {"-j", "-g"}}
        if targets & set(ours):
            jumps.append("-D" + line.removeprefix("-A"))
    return "\n".join(
        [f"*{table}", *jumps, *(f"-F {chain}" for chain in ours), *(f"-X {chain}" for chain in ours), "COMMIT", ""]
    )


def _saved(family: str, table: str) -> list[str]:
    """Return iptables-save's lines for a table, which it invents for a table that does not exist."""
    return _save(family, "-t", table)


def _save(family: str, *arguments: str) -> list[str]:
    """Return iptables-save's lines without comments; none where the machine does not have the family or table."""
    try:
        lines = run(f"{family}-save", *arguments).splitlines()
    except CommandError:
        return []
    return [line for line in lines if not line.startswith("#")]


def _chains(lines: Iterable[str]) -> list[str]:
    return [line[1:].split()[0] for line in lines if line.startswith(":")]
