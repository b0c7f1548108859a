"""What monitoring knows of a service, derived from its objective: rules, their tests, routes, a canary's thresholds.

Pure functions of the settings: nothing here imports Pulumi. ``python -m infra.slo`` writes and checks it all.
"""

from infra.slo.alertmanager import alertmanager_config
from infra.slo.assembly import platform_rules, service_rules
from infra.slo.canary import thresholds
from infra.slo.rendering import (
    alertmanager_files,
    objective_files,
    objective_name,
    platform_files,
    platform_rule_tests,
    render,
    rule_tests,
)
from infra.slo.routes import route_tests

__all__ = [
    "alertmanager_config",
    "alertmanager_files",
    "objective_files",
    "objective_name",
    "platform_files",
    "platform_rule_tests",
    "platform_rules",
    "render",
    "route_tests",
    "rule_tests",
    "service_rules",
    "thresholds",
]
