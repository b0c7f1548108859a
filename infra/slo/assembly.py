"""The rule files: of a service, and of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra import naming
from infra.slo import (
    cause_alerts,
    gpu_alerts,
    monitoring_alerts,
    platform_alerts,
    pod_alerts,
    recording,
    service_alerts,
)
from infra.slo.rules import Alerts, group

if TYPE_CHECKING:
    from infra.settings import Monitoring, Service, Settings


def service_rules(service: Service, monitoring: Monitoring) -> dict[str, Any]:
    """The rule file of a service: what it records, and its alerts.

    Args:
        service: with its objective.
        monitoring: of its stack.
    """
    alerts = Alerts(runbooks=monitoring.runbooks, labels={"team": service.team, "service": service.name})
    causes = [*cause_alerts.rules(service, alerts), *pod_alerts.of_service(service.name, alerts)]
    return {
        "groups": [
            *recording.groups(service),
            group(f"{service.name}.symptoms", list(service_alerts.rules(service, alerts))),
            group(f"{service.name}.causes", causes),
        ]
    }


def platform_rules(settings: Settings) -> dict[str, Any]:
    """The rule file of all that belongs to no service, with what the stack's components export and nothing else."""
    alerts = Alerts(runbooks=settings.monitoring.runbooks, labels={"team": naming.PLATFORM_TEAM})
    cluster = [*platform_alerts.rules(settings, alerts), *pod_alerts.of_platform(alerts)]
    gpus = [group("platform.gpus", list(gpu_alerts.rules(alerts)))] if gpu_alerts.present(settings) else []
    return {
        "groups": [
            group("platform.cluster", cluster),
            *gpus,
            group("platform.monitoring", list(monitoring_alerts.rules(settings, alerts))),
        ]
    }
