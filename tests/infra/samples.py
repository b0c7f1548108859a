"""Settings that every stack has and most tests are not about."""

from __future__ import annotations

from typing import Final

from infra.settings import Latency, LogReceiver, Monitoring, Objective

TEAM: Final = "language"
OBJECTIVE: Final = Objective(availability=99, latency=Latency(quantile=95, seconds=0.25), window_days=7)
MONITORING: Final = Monitoring(
    retention_days=8,
    runbooks="https://example.com/runbooks",
    receivers=(LogReceiver(name="log", kind="log"),),
    default_receiver="log",
)
