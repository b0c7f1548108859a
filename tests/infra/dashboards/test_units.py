from __future__ import annotations

import pytest

from infra.dashboards.units import written


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.99953, "percentunit", "99.953 %"),
        (0.25, "s", "250 ms"),
        (0.0004, "s", "400 µs"),
        (90, "s", "1.5 min"),
        (0, "s", "0 s"),
        (3 * 1024**3, "bytes", "3 GiB"),
        (12, "bytes", "12 B"),
        (2048, "binBps", "2 KiB/s"),
        (1500, "suffix: tokens/s", "1.5 k tokens/s"),
        (4, "reqps", "4 req/s"),
        (12_000, "short", "12 k"),
        (61, "celsius", "61 °C"),
        (-0.5, "percentunit", "-50 %"),
    ],
)
def test_numbers_are_written_as_grafana_writes_them(value: float, unit: str, expected: str) -> None:
    """A picture has the units that the dashboard has."""
    assert written(value, unit) == expected
