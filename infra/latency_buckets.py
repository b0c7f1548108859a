"""The upper bounds of the latency histograms, which an objective's bound is one of.

They are the Renard series R10: each is about 1.26 times the one before, so that a rise of 30 % always moves requests
into another bucket. ``serving`` may import nothing from here and has the same numbers; a test holds the two equal.

Source: ISO 3, Preferred numbers, the series R10
"""

from __future__ import annotations

from typing import Final

_R10: Final = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)

LATENCY_SECONDS: Final = (*(round(step * 10.0**power, 6) for power in range(-3, 1) for step in _R10), 10.0)
"""From 1 ms to 10 s, the time that a request may take."""
