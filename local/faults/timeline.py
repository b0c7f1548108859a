"""What happened in a drill, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from local.alert_log import Delivery
    from local.monitored import Alert, AlertingRule, Labels

What = Literal[
    "requests begin",
    "fault begins",
    "pending",
    "firing",
    "delivered",
    "fault ends",
    "no longer pending",
    "resolved",
    "delivered as resolved",
]
_FIRING: Final = "firing"
# What is counted from which event, and how that is said.
_STEPS: Final[tuple[tuple[What, str, tuple[What, ...]], ...]] = (
    ("fault begins", "after the fault began", ("pending", "firing", "delivered")),
    ("fault ends", "after it ended", ("resolved", "delivered as resolved")),
)
_ALL_STEPS: Final[tuple[What, ...]] = tuple(step for _, _, steps in _STEPS for step in steps)
# Of an alert: enough to tell it from others of its name.
_TELLING = ("severity", "window", "job", "slot", "pod")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of the timeline: `labels` are those of the alert that it is about, `text` says more where there is."""

    at: datetime
    what: What
    labels: Labels = field(default_factory=dict[str, str])
    text: str = ""

    @property
    def sentence(self) -> str:
        """For people."""
        if not self.labels:
            return f"{self.what}: {self.text}" if self.text else self.what
        telling = ", ".join(self.labels[key] for key in _TELLING if key in self.labels)
        name = self.labels["alertname"]
        subject = f"{name} ({telling})" if telling else name
        return f"{subject} {self.what}" + (f": {self.text}" if self.text else "")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The alert that a fault must raise: any whose labels are these, and more."""

    labels: Mapping[str, str]

    def __contains__(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in self.labels.items())

    def steps(self, events: Iterable[Event]) -> dict[What, Event]:
        """What has happened to it, each step after the one before: what is told of an earlier fault does not count."""
        own = sorted((event for event in events if event.labels in self), key=lambda event: event.at)
        found = dict[What, Event]()
        for step in _ALL_STEPS:
            last = max((event.at for event in found.values()), default=None)
            event = next((each for each in own if each.what == step and (last is None or each.at >= last)), None)
            if event:
                found[step] = event
        return found

    def complete(self, events: Iterable[Event]) -> bool:
        """Whether it went all the way, from pending to delivered as resolved."""
        return len(self.steps(events)) == len(_ALL_STEPS)


def durations(events: Iterable[Event], expected: Expected) -> list[str]:
    """How long what had to happen took, in sentences; or that it did not happen."""
    known = list(events)
    happened = expected.steps(known)
    name = expected.labels["alertname"]
    sentences = list[str]()
    for anchor, after, steps in _STEPS:
        start = next((event.at for event in known if event.what == anchor), None)
        for step in steps if start else ():
            event = happened.get(step)
            took = f"{(event.at - start).total_seconds():.0f} s {after}" if event and start else "never"
            sentences.append(f"{name} {step}: {took}")
    return sentences


class Changes:
    """Turns what Prometheus and the alert log say, again and again, into events."""

    def __init__(self, before: Iterable[AlertingRule], delivered: Iterable[Delivery]) -> None:
        """Take what is there already as no event."""
        self._alerts = {rule.identity: _by_labels(rule) for rule in before}
        self._seen = {_delivery(each) for each in delivered}

    def of_rules(self, rules: Iterable[AlertingRule]) -> list[Event]:
        """What changed since the last time, with the times at which Prometheus evaluated the rules."""
        return [event for rule in rules for event in self._of_rule(rule)]

    def _of_rule(self, rule: AlertingRule) -> Iterator[Event]:
        before, now = self._alerts.get(rule.identity, {}), _by_labels(rule)
        self._alerts[rule.identity] = now
        for key, alert in now.items():
            earlier = before.get(key)
            if earlier is None:
                yield Event(at=alert.since, what="pending", labels=alert.labels)
            if alert.state == _FIRING and (earlier is None or earlier.state != _FIRING):
                text = alert.annotations.get("summary", "")
                yield Event(at=rule.evaluated, what="firing", labels=alert.labels, text=text)
        for key, alert in before.items():
            if key not in now:
                what: What = "resolved" if alert.state == _FIRING else "no longer pending"
                yield Event(at=rule.evaluated, what=what, labels=alert.labels)

    def of_deliveries(self, deliveries: Iterable[Delivery]) -> list[Event]:
        """What was delivered since the last time."""
        events = list[Event]()
        for each in deliveries:
            if _delivery(each) not in self._seen:
                self._seen.add(_delivery(each))
                what: What = "delivered as resolved" if each.status == "resolved" else "delivered"
                events.append(Event(at=each.at, what=what, labels=each.labels))
        return events


def _by_labels(rule: AlertingRule) -> dict[frozenset[tuple[str, str]], Alert]:
    return {_key(alert.labels): alert for alert in rule.alerts}


def _key(labels: Labels) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def _delivery(delivery: Delivery) -> tuple[datetime, str, frozenset[tuple[str, str]]]:
    return delivery.at, delivery.status, _key(delivery.labels)
