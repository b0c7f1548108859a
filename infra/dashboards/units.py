"""Numbers as Grafana writes them in the units that the dashboards use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS: Final = ((60.0, 60.0, "min"), (1.0, 1.0, "s"), (0.001, 0.001, "ms"), (0.0, 1e-6, "µs"))
_IEC: Final = tuple(
    (1024.0**power, 1024.0**power, unit) for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB"))
)
_THOUSANDS: Final = ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e3, 1e3, "k"))
_SUFFIXES: Final = {"reqps": "req/s", "celsius": "°C", "watt": "W", "short": "", "none": ""}


def written(value: float, unit: str) -> str:
    """A value with its unit, with three digits.

    Args:
        value: in the base of the unit: seconds, bytes, a share of 1.
        unit: Grafana's identifier.

    Raises:
        KeyError: no dashboard has used that unit yet.
    """
    if unit == "percentunit":
        return f"{100 * value:.5g} %"
    if unit == "s":
        return _scaled(value, _SECONDS, "s")
    if unit == "bytes":
        return _scaled(value, _IEC, "B")
    if unit == "binBps":
        return f"{_scaled(value, _IEC, 'B')}/s"
    if unit.startswith("suffix:"):
        return f"{_scaled(value, _THOUSANDS, '')}{unit.removeprefix('suffix:')}"
    return f"{_scaled(value, _THOUSANDS, '')} {_SUFFIXES[unit]}".strip()


def _scaled(value: float, scale: Sequence[tuple[float, float, str]], base: str) -> str:
    for least, divisor, unit in scale:
        if abs(value) >= least and value:
            return f"{value / divisor:.3g} {unit}"
    return f"{value:.3g} {base}".strip()
