"""Alertmanager's configuration: who is told of what, how soon, and what is not told because something else says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra import receivers
from infra.settings import LogReceiver, SlackReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.settings import Receiver, Settings

# Receiver of what is for machines, in a stack without a dead man's switch. No name of a setting can be the same.
_NOBODY: Final = "_nobody"
# Tickets wait for what comes with them; a page does not. An alert that goes on is told of again.
_TIMING: Final[Mapping[str, Mapping[str, str]]] = {
    "page": {"group_wait": "10s", "group_interval": "1m", "repeat_interval": "1h"},
    "ticket": {"group_wait": "1m", "group_interval": "5m", "repeat_interval": "24h"},
}
# Whoever listens raises the alarm after some missed beats. Alertmanager looks once in a group interval whether the last
# beat is older than the repeat interval, and counts from when it was taken: with a minute each, a receiver that takes a
# third of a second hears every other beat.
_HEARTBEAT: Final = {"group_wait": "0s", "group_interval": "1m", "repeat_interval": "50s"}
_TITLE: Final = (
    "[{{ .Status | toUpper }}] {{ .CommonLabels.alertname }}{{ with .CommonLabels.service }} {{ . }}{{ end }}"
)
_TEXT: Final = (
    "{{ range .Alerts }}*{{ .Labels.severity }}* {{ .Annotations.summary }}\n"
    "{{ .Annotations.description }}\n"
    "<{{ .Annotations.runbook_url }}|Runbook>\n{{ end }}"
)


def alertmanager_config(settings: Settings) -> dict[str, Any]:
    """The configuration, as Alertmanager reads it. URLs that are secret are in files, never in here."""
    monitoring = settings.monitoring
    machine = monitoring.dead_mans_switch or _NOBODY
    return {
        "global": {"resolve_timeout": "5m"},
        "route": {
            "receiver": monitoring.default_receiver,
            "group_by": ["alertname", "service"],
            **_TIMING["ticket"],
            "routes": [
                {"receiver": machine, "matchers": ['severity="none"'], **_HEARTBEAT},
                *_routes(settings),
            ],
        },
        "inhibit_rules": _inhibitions(),
        "receivers": [
            *(_receiver(receiver) for receiver in monitoring.receivers),
            *([] if monitoring.dead_mans_switch else [{"name": _NOBODY}]),
        ],
    }


def _routes(settings: Settings) -> Iterator[dict[str, Any]]:
    """A route of the settings for each severity that it takes, since each has its own timing."""
    for route in settings.monitoring.routes:
        team = [f'team="{route.team}"'] if route.team else []
        for severity in [route.severity] if route.severity else _TIMING:
            yield {"receiver": route.receiver, "matchers": [f'severity="{severity}"', *team], **_TIMING[severity]}
    yield {
        "receiver": settings.monitoring.default_receiver,
        "matchers": ['severity="page"'],
        **_TIMING["page"],
    }


def _inhibitions() -> list[dict[str, Any]]:
    """What says the same as a graver alert, or follows from one, is not told as well."""
    return [
        {
            "source_matchers": ['severity="page"'],
            "target_matchers": ['severity="ticket"'],
            "equal": ["alertname", "service"],
        },
        # Without its pods a service has no queue, no provider and no slot that is ready.
        {
            "source_matchers": ['alertname="ServiceMetricsAbsent"', 'source="pods"'],
            "target_matchers": [
                'alertname=~"SlotNotReady|TargetDown|QueueSaturated|ProviderFallback|LatencyBudgetBurn"',
                'service!=""',
            ],
            "equal": ["service"],
        },
        # A node that is gone takes its targets and GPUs along. Whether users feel it is said by other alerts.
        {
            "source_matchers": ['alertname="NodeNotReady"'],
            "target_matchers": ['alertname=~"TargetDown|VolumeFilling|Gpu.*"'],
            "equal": ["node"],
        },
    ]


def _receiver(receiver: Receiver) -> dict[str, Any]:
    if isinstance(receiver, SlackReceiver):
        slack = {
            "api_url_file": receivers.url_file(receiver.name),
            "channel": receiver.channel,
            "send_resolved": True,
            "title": _TITLE,
            "text": _TEXT,
        }
        return {"name": receiver.name, "slack_configs": [slack]}
    if isinstance(receiver, LogReceiver):
        where = {"url": receivers.ALERT_LOG_URL}
    elif receiver.url is not None:
        where = {"url": receiver.url}
    else:
        where = {"url_file": receivers.url_file(receiver.name)}
    return {"name": receiver.name, "webhook_configs": [{**where, "send_resolved": True}]}


def receiver_of(settings: Settings, labels: Mapping[str, str]) -> str:
    """Who is told of an alert by the settings' own words: the first route that matches, or the default receiver."""
    monitoring = settings.monitoring
    if labels["severity"] == "none":
        return monitoring.dead_mans_switch or _NOBODY
    for route in monitoring.routes:
        if route.severity in (None, labels["severity"]) and route.team in (None, labels["team"]):
            return route.receiver
    return monitoring.default_receiver
