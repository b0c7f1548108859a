"""Tests of Alertmanager's routes: where each alert that a rule can raise must arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.slo.alertmanager import receiver_of
from infra.slo.assembly import platform_rules, service_rules

if TYPE_CHECKING:
    from infra.settings import Settings


def route_tests(settings: Settings) -> list[dict[str, Any]]:
    """For each alert of the stack its labels and the receiver that the settings mean, once each."""
    files = [platform_rules(settings), *(service_rules(each, settings.monitoring) for each in settings.services)]
    tests = [
        {"labels": {"alertname": rule["alert"], **rule["labels"]}, "receiver": receiver_of(settings, rule["labels"])}
        for file in files
        for group in file["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    return [test for index, test in enumerate(tests) if test not in tests[:index]]
