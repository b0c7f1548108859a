"""What Prometheus and the alert log say, again and again, becomes one timeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from local.alert_log import Delivery
from local.faults.timeline import Changes, Event, Expected, What, durations
from local.monitored import Alert, AlertingRule, Labels

START = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
BURN: Labels = {"alertname": "AvailabilityBudgetBurn", "service": "sentiment", "severity": "page", "window": "1h"}
EXPECTED = Expected(labels={"alertname": "AvailabilityBudgetBurn", "service": "sentiment", "window": "1h"})


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def _alert(labels: Labels, state: str, *, since: float = 0) -> Alert:
    return Alert(labels=labels, annotations={"summary": "half of all"}, state=state, since=_at(since))


def _rule(evaluated: float, *alerts: Alert) -> list[AlertingRule]:
    return [AlertingRule(identity="burn", evaluated=_at(evaluated), alerts=alerts)]


def _delivery(labels: Labels, status: str, *, at: float) -> Delivery:
    return Delivery(at=_at(at), status=status, labels=labels, annotations={})


def test_an_alert_goes_from_pending_over_firing_to_resolved() -> None:
    """Each change is told once, with the time at which Prometheus evaluated the rule."""
    changes = Changes([], [])
    assert [event.what for event in changes.of_rules(_rule(5, _alert(BURN, "pending", since=5)))] == ["pending"]
    assert changes.of_rules(_rule(5, _alert(BURN, "pending", since=5))) == []
    (fired,) = changes.of_rules(_rule(9, _alert(BURN, "firing", since=5)))
    assert (fired.what, fired.at, fired.text) == ("firing", _at(9), "half of all")
    (resolved,) = changes.of_rules(_rule(90))
    assert (resolved.what, resolved.at, resolved.labels) == ("resolved", _at(90), BURN)


def test_an_alert_without_a_wait_is_pending_and_firing_at_once() -> None:
    """Both are told, in that order."""
    events = Changes([], []).of_rules(_rule(5, _alert(BURN, "firing", since=5)))
    assert [(event.what, event.at) for event in events] == [("pending", _at(5)), ("firing", _at(5))]


def test_what_was_there_before_is_no_event() -> None:
    """Neither an alert nor a delivery from before the drill."""
    old = _delivery(BURN, "firing", at=1)
    changes = Changes(_rule(0, _alert(BURN, "firing")), [old])
    assert changes.of_rules(_rule(1, _alert(BURN, "firing"))) == []
    assert changes.of_deliveries([old]) == []


def test_a_repeated_notification_is_another_delivery() -> None:
    """The log is read again and again, but each of its lines counts once."""
    changes, first, again = Changes([], []), _delivery(BURN, "firing", at=1), _delivery(BURN, "firing", at=60)
    assert len(changes.of_deliveries([first])) == 1
    assert [event.at for event in changes.of_deliveries([first, again])] == [_at(60)]


@given(st.lists(st.sampled_from(["absent", "pending", "firing"]), max_size=30))
def test_beginnings_and_ends_alternate(states: list[str]) -> None:
    """Whatever an alert does, it is pending before it fires, and each end has a beginning."""
    changes = Changes([], [])
    told = list[str]()
    for second, state in enumerate(states):
        alerts = [] if state == "absent" else [_alert(BURN, state)]
        told += [event.what for event in changes.of_rules(_rule(second, *alerts))]
    begun = told.count("pending")
    ended = told.count("resolved") + told.count("no longer pending")
    assert begun - ended == (bool(states) and states[-1] != "absent")
    assert told.count("resolved") <= told.count("firing")


def test_the_expected_alert_is_told_by_its_labels() -> None:
    """Another window's alert of the same name is another alert."""
    assert BURN in EXPECTED
    assert {**BURN, "window": "6h"} not in EXPECTED


def test_durations_say_what_never_happened() -> None:
    """From the fault's begin and end, in seconds; a step that is missing is "never"."""
    events = [
        Event(at=_at(0), what="fault begins"),
        Event(at=_at(20), what="pending", labels=BURN),
        Event(at=_at(25), what="firing", labels=BURN),
        Event(at=_at(31), what="delivered", labels=BURN),
        Event(at=_at(32), what="fault ends"),
        Event(at=_at(232), what="resolved", labels=BURN),
    ]
    assert durations(events, EXPECTED) == [
        "AvailabilityBudgetBurn pending: 20 s after the fault began",
        "AvailabilityBudgetBurn firing: 25 s after the fault began",
        "AvailabilityBudgetBurn delivered: 31 s after the fault began",
        "AvailabilityBudgetBurn resolved: 200 s after it ended",
        "AvailabilityBudgetBurn delivered as resolved: never",
    ]


def test_what_is_told_of_an_earlier_fault_does_not_count() -> None:
    """Alertmanager repeats that the last alert is resolved when another of its group changes."""
    again = Event(at=_at(3), what="delivered as resolved", labels=BURN)
    events = [again, Event(at=_at(5), what="pending", labels=BURN), Event(at=_at(5), what="firing", labels=BURN)]
    assert set(EXPECTED.steps(events)) == {"pending", "firing"}
    rest: list[tuple[What, float]] = [("delivered", 15), ("resolved", 90), ("delivered as resolved", 95)]
    for what, seconds in rest:
        assert not EXPECTED.complete(events)
        events.append(Event(at=_at(seconds), what=what, labels=BURN))
    assert EXPECTED.complete(events)
    assert EXPECTED.steps(events)["delivered as resolved"].at == _at(95)


def test_sentences_name_what_tells_alerts_apart() -> None:
    """Severity and window of an alert, and the summary with its values."""
    event = Event(at=_at(0), what="firing", labels=BURN, text="sentiment: 50 % of the requests failed")
    assert event.sentence == "AvailabilityBudgetBurn (page, 1h) firing: sentiment: 50 % of the requests failed"
    assert Event(at=_at(0), what="fault ends").sentence == "fault ends"
