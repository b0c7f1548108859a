"""Kubernetes' quantities as numbers."""

from __future__ import annotations

import re
from fractions import Fraction

_PATTERN = re.compile(r"^([0-9.]+)(?:e([+-]?\d+)|(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?)$", re.IGNORECASE)
_FACTORS = {
    "m": Fraction(1, 1000),
    "": Fraction(1),
    **{name: Fraction(1000) ** power for power, name in enumerate("kMGTP", start=1)},
    **{f"{name}i": Fraction(1024) ** power for power, name in enumerate("KMGTP", start=1)},
}


def parse(text: str | float) -> Fraction:
    """Return the number that a quantity stands for: "250m" is 1/4, "1Ki" is 1024.

    Raises:
        ValueError: it is no quantity.
    """
    match = _PATTERN.match(str(text))
    if match is None:
        raise ValueError(f"{text!r} is no quantity")
    number, exponent, suffix = match.groups()
    return Fraction(number) * (Fraction(10) ** int(exponent) if exponent else _FACTORS[suffix or ""])
