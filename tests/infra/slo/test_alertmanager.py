from __future__ import annotations

import pytest
import yaml

from infra import receivers, slo
from infra.settings import LogReceiver, Monitoring, Route, Settings, SlackReceiver, WebhookReceiver
from tests.infra.slo.objectives import STACKS, read

RECEIVERS = (
    SlackReceiver(name="chat", kind="slack", channel="#inference", secret="chat-url"),  # noqa: S106  # a name
    WebhookReceiver(name="pager", kind="webhook", secret="pager-url"),  # noqa: S106  # a name
    WebhookReceiver(name="open", kind="webhook", url="https://example.com/hook"),
    LogReceiver(name="log", kind="log"),
)


def monitored(*routes: Route, dead_mans_switch: str | None = None) -> Settings:
    """The local stack with receivers of every kind."""
    monitoring = Monitoring(
        retention_days=8,
        runbooks="https://example.com/runbooks",
        receivers=RECEIVERS,
        routes=routes,
        default_receiver="chat",
        dead_mans_switch=dead_mans_switch,
    )
    return read("local").model_copy(update={"monitoring": monitoring})


def test_urls_that_are_secret_come_from_files() -> None:
    """Neither a URL nor the name of its secret is in the configuration: only the file that the pod mounts."""
    configured = {each["name"]: each for each in slo.alertmanager_config(monitored())["receivers"]}
    assert configured["chat"]["slack_configs"][0]["api_url_file"] == receivers.url_file("chat")
    assert configured["pager"]["webhook_configs"][0] == {
        "url_file": receivers.url_file("pager"),
        "send_resolved": True,
    }
    assert configured["open"]["webhook_configs"][0]["url"] == "https://example.com/hook"
    assert configured["log"]["webhook_configs"][0]["url"] == receivers.ALERT_LOG_URL
    text = slo.alertmanager_files(monitored())["alertmanager.yaml"]
    assert "chat-url" not in text
    assert "pager-url" not in text


def test_the_first_route_that_matches_wins() -> None:
    """Routes are tested in the order of the settings; what none takes goes to the default receiver."""
    stack = monitored(
        Route(severity="page", team="language", receiver="pager"), Route(team="platform", receiver="open")
    )
    arrives = {
        (test["labels"]["severity"], test["labels"]["team"]): test["receiver"] for test in slo.route_tests(stack)
    }
    assert arrives == {
        ("page", "language"): "pager",
        ("ticket", "language"): "chat",
        ("ticket", "platform"): "open",
        ("none", "platform"): "_nobody",
    }


def test_the_watchdog_reaches_the_dead_mans_switch_and_nobody_else() -> None:
    """It is for a machine that raises the alarm when it no longer hears it; without one nobody is bothered."""
    for switch, expected in (("open", "open"), (None, "_nobody")):
        stack = monitored(Route(receiver="pager"), dead_mans_switch=switch)
        test = next(each for each in slo.route_tests(stack) if each["labels"]["alertname"] == "Watchdog")
        assert test["receiver"] == expected
        names = [each["name"] for each in slo.alertmanager_config(stack)["receivers"]]
        assert expected in names
        assert len(names) == len(set(names))


def test_no_beat_of_the_watchdog_is_left_out() -> None:
    """A beat is repeated a minute later if the last one was taken before; a receiver may take ten seconds for it."""
    [beat] = [route for route in slo.alertmanager_config(monitored())["route"]["routes"] if "none" in str(route)]
    assert (beat["group_interval"], beat["repeat_interval"]) == ("1m", "50s")


@pytest.mark.parametrize("name", STACKS)
def test_every_alert_of_a_stack_has_a_test_of_its_route(name: str) -> None:
    """None is forgotten: alerts and tests of routes name the same."""
    stack = read(name)
    tested = {test["labels"]["alertname"] for test in slo.route_tests(stack)}
    rendered = slo.render(stack)
    files = [yaml.safe_load(text) for file, text in rendered.items() if file.endswith("/rules.yaml")]
    alerts = {rule["alert"] for file in files for group in file["groups"] for rule in group["rules"] if "alert" in rule}
    assert tested == alerts


def test_a_page_silences_the_ticket_that_says_the_same() -> None:
    """Whoever is woken by a budget that burns fast need not hear that it burns slowly too; other services are heard."""
    inhibitions = slo.alertmanager_config(monitored())["inhibit_rules"]
    assert {
        "source_matchers": ['severity="page"'],
        "target_matchers": ['severity="ticket"'],
        "equal": ["alertname", "service"],
    } in inhibitions
