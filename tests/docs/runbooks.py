"""The runbooks: one for each alert, named like it, and those of planned work; and what the alerts are."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from infra import slo
from infra.slo import exported
from tests.infra.slo import objectives

FOLDER = Path(__file__).parents[2] / "docs" / "runbooks"
INDEX = FOLDER / "README.md"
# Alerts are named like `QueueSaturated`, other documents like `lost-state`.
_ALERT = re.compile(r"(?:[A-Z][a-z]+)+")


def of_alerts() -> list[Path]:
    """Those that an alert links to."""
    return sorted(path for path in FOLDER.glob("*.md") if _ALERT.fullmatch(path.stem))


def of_operations() -> list[Path]:
    """The index, and those of planned work and of accidents."""
    return sorted(set(FOLDER.glob("*.md")) - set(of_alerts()))


@cache
def alerts() -> tuple[dict[str, Any], ...]:
    """All alerts of all stacks, as Prometheus reads them."""
    stacks = [objectives.read(name) for name in objectives.STACKS]
    files = [slo.platform_rules(stack) for stack in stacks]
    files += [slo.service_rules(service, stack.monitoring) for stack in stacks for service in stack.services]
    return tuple(alert for file in files for alert in objectives.alerts_of(file))


@cache
def series() -> frozenset[str]:
    """The series that are there in some stack: exported, or recorded by a rule."""
    return frozenset[str]().union(*(exported.in_stack(objectives.read(name)) for name in objectives.STACKS))
