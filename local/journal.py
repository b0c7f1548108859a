"""What the host was like before `up`, written before the first change, so that `down` can put it back."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local import cgroups, firewall
from local.paths import Paths, write_private

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Kernel settings that pods' network, the kubelet or kube-proxy change.
_SETTINGS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/*/forwarding",
    "net/ipv4/conf/*/route_localnet",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
# Places that containerd, the build's runc, the CNI library, the kubelet and iptables use whatever their configuration
# says.
_FIXED_PLACES = (
    "/run/containerd",
    "/run/runc",
    "/run/xtables.lock",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
)


@dataclass(frozen=True, kw_only=True)
class Journal:
    """Whose cluster it is, and the host's state before it.

    Attributes:
        checkout: the checkout whose cluster this is.
        boot_id: the boot in which the rest was recorded.
        settings: files below /proc/sys and their contents.
        absent: places that did not exist.
        absent_tables: packet filter tables that did not exist.
        controllers: control group controllers enabled below the root group (version 2 only).
    """

    checkout: str
    boot_id: str
    settings: dict[str, str]
    absent: tuple[str, ...]
    absent_tables: tuple[str, ...]
    controllers: tuple[str, ...]


def load(paths: Paths) -> Journal | None:
    """Return the machine's journal, or None if there is none to read."""
    try:
        data: dict[str, Any] = json.loads(paths.journal.read_text())
        for name in ("absent", "absent_tables", "controllers"):
            data[name] = tuple(data[name])
        return Journal(**data)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def record(paths: Paths) -> Journal:
    """Return the journal of this boot, and write one if there is none.

    An older one of the same checkout is replaced, since a boot resets settings, but what it found absent stays so.
    """
    old = load(paths)
    boot_id = BOOT_ID.read_text().strip()
    if old and old.boot_id == boot_id:
        return old
    absent = old.absent if old else tuple(place for place in _FIXED_PLACES if not Path(place).exists())
    controllers = cgroups.controllers_file()
    journal = Journal(
        checkout=str(paths.checkout),
        boot_id=boot_id,
        settings={str(file): file.read_text().strip() for file in _setting_files() if _is_readable(file)},
        absent=absent,
        absent_tables=firewall.absent_tables(),
        controllers=tuple(controllers.read_text().split()) if controllers else (),
    )
    write_private(paths.journal, json.dumps(asdict(journal), indent=2))
    return journal


def restore_settings(journal: Journal) -> None:
    """Write back every kernel setting that differs from the journal; those that are gone stay gone."""
    if journal.boot_id != BOOT_ID.read_text().strip():
        return
    for name, value in journal.settings.items():
        file = Path(name)
        if _is_readable(file) and file.read_text().strip() != value:
            file.write_text(value)
    controllers = cgroups.controllers_file()
    if controllers:
        added = set(controllers.read_text().split()) - set(journal.controllers)
        if added:
            controllers.write_text(" ".join(f"-{name}" for name in sorted(added)))


def _setting_files() -> Iterable[Path]:
    for pattern in _SETTINGS:
        yield from sorted(Path("/proc/sys").glob(pattern))


def _is_readable(file: Path) -> bool:
    try:
        file.read_text()
    except OSError:
        return False
    return True
