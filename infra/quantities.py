"""Kubernetes' quantities of CPU and memory, as whole numbers."""

from __future__ import annotations

import re

_MIB = {"Mi": 1, "Gi": 1024}


def millis(quantity: str) -> int:
    """A CPU quantity such as ``1``, ``0.5`` or ``250m`` in thousandths of a CPU."""
    return int(quantity[:-1]) if quantity.endswith("m") else round(float(quantity) * 1000)


def mebibytes(quantity: str) -> int:
    """A memory quantity such as ``512Mi`` or ``2Gi`` in MiB."""
    found = re.fullmatch(r"(\d+)(Mi|Gi)", quantity)
    if found is None:
        raise ValueError(f"{quantity!r} is no memory quantity; allowed: a number with Mi or Gi")
    return int(found[1]) * _MIB[found[2]]
