"""Alerts on GPUs, for stacks whose nodes have a DCGM exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.settings import EksCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Settings
    from infra.slo.rules import Alerts, Rule

_BUSY_PER_CENT: Final = 95
_BUSY_FOR: Final = "15m"
_MEMORY_SHARE: Final = 0.95
_MEMORY_FOR: Final = "10m"
# XIDs that say that the GPU needs a reset or a replacement; others are most often the program's own fault.
# Source: https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html
_HARDWARE: Final = (48, 62, 64, 74, 79, 92, 94, 95, 119, 120, 140, 143)
# DCGM exporter says to which pod a GPU is given; then the series has the service too.
_GPU: Final = "node, gpu, UUID, modelName, service, slot"
_PLACE: Final = (
    "GPU {{ $labels.gpu }} of {{ $labels.node }} ({{ $labels.modelName }}"
    "{{ with $labels.service }}, {{ . }}{{ end }}{{ with $labels.slot }} {{ . }}{{ end }})"
)


def present(settings: Settings) -> bool:
    """Whether the stack has a DCGM exporter: where its GPU nodes are AWS's, and simulated ones have none."""
    return isinstance(settings.cluster, EksCluster)


def rules(alerts: Alerts) -> Iterator[Rule]:
    """The alerts on each GPU."""
    yield alerts.alert(
        "GpuSaturated",
        f"avg by ({_GPU}) (avg_over_time(DCGM_FI_DEV_GPU_UTIL[5m])) > {_BUSY_PER_CENT}",
        severity="ticket",
        summary=f"{_PLACE}: busy {{{{ $value | humanize }}}} % of the time for {_BUSY_FOR}",
        description="It has no room for more requests: answers become slower with each.",
        wait=_BUSY_FOR,
    )
    yield alerts.alert(
        "GpuMemoryFull",
        f"avg by ({_GPU}) (DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE)) > {_MEMORY_SHARE}",
        severity="ticket",
        summary=f"{_PLACE}: {{{{ $value | humanizePercentage }}}} of its memory is used for {_MEMORY_FOR}",
        description="The next larger batch, or a second pod during a release, finds none left and fails.",
        wait=_MEMORY_FOR,
    )
    # The gauge keeps the last number until the exporter starts anew: hardware is told as long as it stands there,
    # a program's fault for an hour after the number came.
    hardware = " or ".join(f"DCGM_FI_DEV_XID_ERRORS == {xid}" for xid in _HARDWARE)
    recent = "DCGM_FI_DEV_XID_ERRORS != 0 and changes(DCGM_FI_DEV_XID_ERRORS[1h]) > 0"
    yield alerts.alert(
        "GpuXidError",
        f"max by ({_GPU}) ({hardware} or {recent})",
        severity="ticket",
        summary=f"{_PLACE}: XID {{{{ $value }}}}",
        description="The driver reports an error; which of GPU, driver and program is at fault, the number says.",
    )
    yield alerts.alert(
        "GpuRowRemapFailure",
        f"max by ({_GPU}) (DCGM_FI_DEV_ROW_REMAP_FAILURE) > 0",
        severity="ticket",
        summary=f"{_PLACE}: rows of its memory are broken and could not be replaced",
        description="Its answers cannot be relied on; the instance is to be replaced.",
    )
