"""A drill from its first request to its last notification."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from local import alert_log
from local.api import ApiError
from local.errors import ClusterError
from local.faults import keeper
from local.faults.timeline import Changes, Event, Expected
from local.faults.traffic import RATE, Traffic
from local.monitored import Monitored

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.api import Api
    from local.faults.fault import Fault
    from local.faults.target import Target
    from local.faults.timeline import What
    from local.paths import Paths

_POLL_SECONDS = 1.0
_SEEN_SECONDS = 60.0
_FIRING_SECONDS = 900.0
_RESOLVED_SECONDS = 2400.0
# As often Prometheus may not answer in time on a machine that is busy with the fault.
_FAILURES = 15


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a drill went.

    Attributes:
        fault: its kind.
        service: that it was about.
        expected: the alert that had to come.
        events: all that happened, in order of time.
        statuses: how many requests ended in which status; "none" for no answer.
        held_back: requests that were not sent, as too many waited for an answer.
        complete: whether the alert fired, was delivered, was resolved, and was delivered as resolved.
    """

    fault: str
    service: str
    expected: Expected
    events: tuple[Event, ...]
    statuses: dict[str, int]
    held_back: int
    complete: bool


@dataclass(kw_only=True)
class Drill:
    """One run.

    Attributes:
        fault: what to break.
        target: whose.
        api: of the cluster.
        say: is called with each event.
        show: is called about once a second with what the requests get.
    """

    fault: Fault
    target: Target
    api: Api
    say: Callable[[Event], None]
    show: Callable[[str], None]

    def __post_init__(self) -> None:
        self._monitored = Monitored(self.api)
        labels = {"alertname": self.fault.alert, "service": self.target.service, **self.fault.labels}
        self._expected = Expected(labels=labels)
        self._events = list[Event]()
        self._failures = 0

    def run(self, paths: Paths, *, seconds: float | None = None) -> Report:
        """Break, watch, mend, watch.

        Args:
            paths: of the checkout, for what undoes the fault should this process be killed.
            seconds: how long the fault lasts; None: until its alert is delivered.

        Raises:
            ClusterError: the alert is there before the fault, or what is needed for a drill is not.
        """
        self._begin = datetime.now(UTC)
        self._changes = self._before()
        with Traffic(f"{self.target.endpoint}/v1/predict") as traffic:
            self._traffic = traffic
            self._take("requests begin", f"{RATE:g} a second to {traffic.url}")
            self._wait(self._requests_are_seen, _SEEN_SECONDS, or_else="Prometheus sees no requests of the service")
            with keeper.undone(self.fault.kind, paths):
                self._take("fault begins", self.fault.begin(self.api, self.target))
                self._wait(lambda: seconds is None and self._told("delivered"), seconds or _FIRING_SECONDS)
            self._take("fault ends")
            if self._told("firing"):
                self._wait(lambda: self._told("delivered as resolved"), _RESOLVED_SECONDS)
        return self._report()

    def _before(self) -> Changes:
        rules = self._monitored.rules()
        if any(alert.labels in self._expected for rule in rules for alert in rule.alerts):
            raise ClusterError(
                f"{self.fault.alert} of {self.target.service} is there before the fault: "
                "wait until it is resolved (`python -m local prometheus ALERTS`)"
            )
        return Changes(rules, alert_log.read(self._monitored, since=self._begin))

    def _requests_are_seen(self) -> bool:
        expression = f'sum(rate(http_requests_total{{service="{self.target.service}",path="/v1/predict"}}[30s]))'
        return any(sample.value > 0 for sample in self._monitored.query(expression))

    def _told(self, what: What) -> bool:
        return what in self._expected.steps(self._events)

    def _wait(self, condition: Callable[[], bool], seconds: float, *, or_else: str = "") -> None:
        """Until the condition holds or the time is over; that is an error where there is something to say of it."""
        end = time.monotonic() + seconds
        while not self._holds(condition):
            if time.monotonic() > end:
                if or_else:
                    raise ClusterError(f"{or_else} after {seconds:.0f} s: `python -m local status`, `make up`")
                return
            time.sleep(_POLL_SECONDS)

    def _holds(self, condition: Callable[[], bool]) -> bool:
        """Look once; a component that does not answer is asked again, but not for ever."""
        try:
            # The log first: what it has, Prometheus has said before.
            deliveries = alert_log.read(self._monitored, since=self._begin)
            events = [*self._changes.of_rules(self._monitored.rules()), *self._changes.of_deliveries(deliveries)]
            for event in sorted(events, key=lambda each: each.at):
                if event.labels.get("severity") != "none":  # for machines
                    self._add(event)
            self.show(self._requests())
            holds = condition()
        except ApiError:
            self._failures += 1
            if self._failures == _FAILURES:
                raise
            return False
        self._failures = 0
        return holds

    def _requests(self) -> str:
        recent = self._traffic.recent()
        return f"{recent.failed:.0%} of the requests fail, 95 % end within {recent.p95_seconds:.2f} s"

    def _take(self, what: Literal["requests begin", "fault begins", "fault ends"], text: str = "") -> None:
        self._add(Event(at=datetime.now(UTC), what=what, text=text))

    def _add(self, event: Event) -> None:
        self._events.append(event)
        self.say(event)

    def _report(self) -> Report:
        return Report(
            fault=self.fault.kind,
            service=self.target.service,
            expected=self._expected,
            events=tuple(sorted(self._events, key=lambda each: each.at)),
            statuses={str(status or "none"): count for status, count in sorted(self._traffic.statuses.items())},
            held_back=self._traffic.held_back,
            complete=self._expected.complete(self._events),
        )
