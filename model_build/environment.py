"""What of this machine decides the bits of a build's result, for its receipt."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_PRESSURE = Path("/proc/pressure/cpu")
# Instruction sets that math libraries choose their kernels by.
_FLAG_PREFIXES = ("sse4", "avx", "amx", "fma", "f16c")
_THREADING = {
    # A thread that waits must not spin: beside a busy neighbour two spinning threads made no progress for minutes.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    # As many threads as the spec says, whatever the load: their number decides the order of sums.
    "OMP_DYNAMIC": "FALSE",
    "MKL_DYNAMIC": "FALSE",
    # Nothing may reach out for what the sources hold already.
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def prepare_process() -> None:
    """Set what the math libraries read once, when they are loaded: call it before torch is imported."""
    os.environ.update(_THREADING)


def cpu() -> tuple[str, tuple[str, ...]]:
    """Return the processor's name and its instruction sets, sorted; empty where the kernel does not tell."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor(), ()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = (flag for flag in fields.get("flags", "").split() if flag.startswith(_FLAG_PREFIXES))
    return fields.get("model name", platform.processor()), tuple(sorted(flags))


def cpu_pressure() -> float | None:
    """Return for how many seconds since the start of the machine a task waited for a processor."""
    try:
        some = _PRESSURE.read_text(encoding="utf-8").splitlines()[0]
    except (OSError, IndexError):
        return None
    return int(some.rpartition("total=")[2]) / 1e6
