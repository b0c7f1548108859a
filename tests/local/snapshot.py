"""What the machine holds that a cluster could leave behind: taken before `up` and after `down`, it must be equal."""

import contextlib
import dataclasses
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from local.toolbox import PROGRAMS

FAMILIES = ("iptables", "ip6tables")
SETTINGS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/*/forwarding",
    "net/ipv4/conf/*/route_localnet",
    "net/bridge/bridge-nf-call-*",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_max*",
)
FOLDERS = ("/run", "/run/netns", "/run/lock", "/var/lib", "/var/log", "/etc", "/opt", "/tmp")  # noqa: S108 - looked at only
# Names that mean a process of a cluster wherever it came from, beside those in a cgroup of ours.
OUR_PROGRAMS = {*PROGRAMS, "docker-registry", "supervisord"} - {"ip", "mount", "umount"}


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything in a comparable form."""

    processes: frozenset[tuple[int, str]]
    mounts: tuple[str, ...]
    links: tuple[str, ...]
    addresses: tuple[str, ...]
    routes: tuple[str, ...]
    network_namespaces: frozenset[str]
    cgroups: frozenset[str]
    packet_rules: tuple[str, ...]
    settings: tuple[str, ...]
    files: frozenset[str]


def take() -> Snapshot:
    """Return the machine's state as of now."""
    return Snapshot(
        processes=frozenset(_processes()),
        mounts=tuple(sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())),
        links=tuple(link["ifname"] for link in _ip("link")),
        addresses=tuple(sorted(json.dumps([a["local"] for a in link["addr_info"]]) for link in _ip("address"))),
        routes=tuple(sorted(f"{route.get('dst')} {route.get('dev')}" for route in _ip("route"))),
        network_namespaces=frozenset(_network_namespaces()),
        cgroups=frozenset(folder for folder, _, _ in os.walk("/sys/fs/cgroup")),
        packet_rules=tuple(rule for family in FAMILIES for rule in _packet_rules(family)),
        settings=tuple(
            f"{file}={file.read_text().strip()}"
            for pattern in SETTINGS
            for file in sorted(Path("/proc/sys").glob(pattern))
        ),
        files=frozenset(_files()),
    )


def differences(before: Snapshot, after: Snapshot) -> dict[str, tuple[set[object], set[object]]]:
    """Return, for each field that differs, what has gone and what is new."""
    return {
        field.name: (set(old) - set(new), set(new) - set(old))
        for field in dataclasses.fields(Snapshot)
        if (old := getattr(before, field.name)) != (new := getattr(after, field.name))
    }


def _processes() -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for process in psutil.process_iter(["pid", "name", "cmdline", "status"]):
        if process.info["status"] == psutil.STATUS_ZOMBIE:  # ended, and init's to bury
            continue
        command = " ".join(process.info["cmdline"] or [])
        groups = Path(f"/proc/{process.pid}/cgroup")
        in_group = groups.exists() and "/inferstack" in groups.read_text()
        if process.info["name"] in OUR_PROGRAMS or "/run/inferstack" in command or in_group:
            found.append((process.pid, process.info["name"]))
    return found


def _ip(what: str) -> list[dict[str, Any]]:
    return json.loads(subprocess.run(["ip", "-j", what], check=True, capture_output=True, text=True).stdout or "[]")


def _network_namespaces() -> list[str]:
    """Return the namespaces besides our own in which processes are, those that mounts keep, and those with names."""
    found = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if " nsfs " in line]
    named = Path("/run/netns")
    found += [entry.name for entry in named.iterdir()] if named.exists() else []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or is a zombie
            found.append(str((process / "ns/net").readlink()))
    own = str(Path("/proc/self/ns/net").readlink())
    return [namespace for namespace in found if namespace != own]


def _packet_rules(family: str) -> list[str]:
    """Return chains and rules; counters and comments change by themselves, and so does the order of tables."""
    lines = subprocess.run([f"{family}-save"], check=True, capture_output=True, text=True).stdout.splitlines()
    rules: list[str] = []
    table = ""
    for line in lines:
        if line.startswith("*"):
            table = line
        elif line.startswith((":", "-")):
            rules.append(f"{family} {table} {line.partition(' [')[0]}")
    return sorted(rules)


def _files() -> list[str]:
    """Return the entries of folders that programs share; temporary files of the tests' own tools are not ours."""
    found: list[str] = []
    for folder in map(Path, FOLDERS):
        if folder.exists():
            found.extend(str(entry) for entry in folder.iterdir() if folder != Path("/tmp") or "buildkit" in entry.name)  # noqa: S108
    return found
