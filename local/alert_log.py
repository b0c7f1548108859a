"""What the pod that Alertmanager notifies in the local stack has received: one JSON line an alert."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from infra.receivers import ALERT_LOG

if TYPE_CHECKING:
    from datetime import datetime

    from local.monitored import Labels, Monitored


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One alert of one notification.

    Attributes:
        at: when the pod wrote it down.
        status: ``firing`` or ``resolved``.
        labels: of the alert.
        annotations: likewise.
    """

    at: datetime
    status: str
    labels: Labels
    annotations: Labels


def read(monitored: Monitored, *, since: datetime | None = None) -> list[Delivery]:
    """Everything that was delivered, in order.

    Raises:
        ClusterError: the pod is not there.
    """
    lines = monitored.log(ALERT_LOG, since=since)
    return [found for at, line in lines if (found := parse(at, line)) is not None]


def parse(at: datetime, line: str) -> Delivery | None:
    """A line of the pod's log; None for one that is no alert."""
    try:
        content: object = json.loads(line)
    except ValueError:
        return None
    if not isinstance(content, dict) or "labels" not in content:
        return None
    alert = cast("dict[str, object]", content)
    return Delivery(
        at=at,
        status=str(alert.get("status", "")),
        labels=cast("Labels", alert["labels"]),
        annotations=cast("Labels", alert.get("annotations", {})),
    )
