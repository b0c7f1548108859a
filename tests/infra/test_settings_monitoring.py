"""What a stack file may say of objectives and of who is told, and what the user reads when it says something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import settings
from infra.latency_buckets import LATENCY_SECONDS
from infra.settings.errors import SettingsError

ROOT = Path(__file__).parents[2]
OBJECTIVE = "services[0].objective"
ARN = "arn:aws:secretsmanager:eu-central-1:222222222222:secret:pager"


def _config(stack: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    return {key.removeprefix("inferstack:"): value for key, value in config.items()}


def _error(config: dict[str, Any], stack: str) -> str:
    with pytest.raises(SettingsError) as raised:
        settings.parse(config, source=ROOT / f"Pulumi.{stack}.yaml")
    text = str(raised.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"availability": 100}, f"{OBJECTIVE}.availability: 100 is not allowed; at 100 a single failure breaks it"),
        ({"availability": 100.5}, f"{OBJECTIVE}.availability: 100.5 is not allowed. Allowed: per cent of requests"),
        ({"availability": 0.999}, f"{OBJECTIVE}.availability: 0.999 is not allowed. Allowed: per cent of requests"),
        ({"availability": "99"}, f'{OBJECTIVE}.availability: "99" is not allowed. Allowed: a number.'),
        ({"window_days": 30}, f"{OBJECTIVE}.window_days: 30 is more than monitoring.retention_days, 8"),
        ({"window_days": 14}, f"{OBJECTIVE}.window_days: 14 is not allowed. Allowed: 7, 28, 30"),
        (
            {"latency": {"quantile": 95, "seconds": 0.3}},
            f"{OBJECTIVE}.latency.seconds: 0.3 is no bucket of the latency histogram",
        ),
        ({"latency": {"quantile": 100, "seconds": 0.25}}, f"{OBJECTIVE}.latency.quantile: 100 is not allowed"),
    ],
)
def test_an_objective_that_cannot_be_kept_or_measured(changes: dict[str, Any], sentence: str) -> None:
    """One sentence with the file, the key, the value and what is allowed."""
    config = _config("local")
    config["services"][0]["objective"] |= changes
    text = _error(config, "local")
    assert text.startswith("Pulumi.local.yaml:")
    assert sentence in text


def test_a_bound_near_a_bucket_is_told_the_buckets_around_it() -> None:
    """Who writes 0.3 s reads which bounds there are near it."""
    config = _config("local")
    config["services"][0]["objective"]["latency"]["seconds"] = 0.3
    assert "Allowed near it: 0.2, 0.25, 0.315, 0.4" in _error(config, "local")


@pytest.mark.parametrize("seconds", LATENCY_SECONDS)
def test_every_bucket_may_be_promised(seconds: float) -> None:
    """Each bound of the histogram is a bound that an objective may have."""
    config = _config("local")
    config["services"][0]["objective"]["latency"]["seconds"] = seconds
    parsed = settings.parse(config, source=ROOT / "Pulumi.local.yaml")
    assert parsed.services[0].objective.latency.seconds == seconds


LOG = {"name": "log", "kind": "log"}
HOOK = {"name": "hook", "kind": "webhook"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"receivers": [LOG, LOG]},
            "monitoring.receivers[1].name: the name 'log' is used twice; names of receivers must differ.",
        ),
        (
            {"receivers": [LOG, HOOK]},
            "monitoring.receivers[1]: neither url nor secret is there. Allowed: url, or secret",
        ),
        (
            {"receivers": [LOG, {**HOOK, "url": "https://example.com/", "secret": "hook"}]},
            "monitoring.receivers[1]: both url and secret are there. Allowed: url, or secret",
        ),
        (
            {"receivers": [LOG, {"name": "team", "kind": "slack", "channel": "#team"}]},
            "monitoring.receivers[1].secret: this key is missing.",
        ),
        (
            {"receivers": [LOG, {**HOOK, "secret": ARN}]},
            "is not allowed with cluster.kind 'embedded'. Allowed: the name of a Kubernetes Secret.",
        ),
        *(
            (
                {"receivers": [{"name": "log", "kind": "webhook", "url": f"http://alarm.example:{port}/"}]},
                f"monitoring.receivers[0].url: 'http://alarm.example:{port}/' has a port that is none. Allowed: from 1",
            )
            for port in ("0", "65536", "http")
        ),
        (
            {"receivers": [{"name": "log", "kind": "webhook", "url": "https://me:password@alarm.example/"}]},
            "monitoring.receivers[0].url: it has a user's name or password in it, which all would read. Allowed: with",
        ),
        ({"runbooks": "https://example.com/{{ .Value }}"}, "monitoring.runbooks: "),
        ({"runbooks": "https://example.com/{{.Value}}"}, "monitoring.runbooks: "),
        ({"storage_gib": 5}, "monitoring.storage_gib: the embedded cluster makes no volumes. Allowed: without"),
        *(
            (
                {"traces": {"endpoint": f"traces.example:{port}"}},
                f"monitoring.traces.endpoint: 'traces.example:{port}' has a port that is none. Allowed: from 1 to 655",
            )
            for port in ("0", "65536")
        ),
        ({"traces": {"endpoint": "..:4317"}}, 'monitoring.traces.endpoint: "..:4317" is not allowed.'),
        ({"receivers": [{"name": "log", "kind": "pager"}]}, "monitoring.receivers[0].kind: "),
        ({"default_receiver": "nobody"}, "monitoring.default_receiver: no receiver is named 'nobody'. Allowed: log."),
        ({"dead_mans_switch": "nobody"}, "monitoring.dead_mans_switch: no receiver is named 'nobody'."),
        ({"routes": [{"receiver": "nobody"}]}, "monitoring.routes[0].receiver: no receiver is named 'nobody'."),
        (
            {"routes": [{"team": "languge", "receiver": "log"}]},
            "monitoring.routes[0].team: no alert is of a team 'languge'. Allowed: language, platform.",
        ),
        (
            {"routes": [{"severity": "page", "receiver": "log"}, {"severity": "page", "team": "a", "receiver": "log"}]},
            "monitoring.routes[1]: an earlier route takes all that this one would. Allowed: the narrower route first.",
        ),
        ({"traces": {"sampling": 101}}, "monitoring.traces.sampling: 101 is not allowed."),
    ],
)
def test_receivers_and_routes_that_reach_nobody(changes: dict[str, Any], sentence: str) -> None:
    """One sentence with the key: who is named twice, whose secret is missing, which route never matches."""
    config = _config("local")
    config["monitoring"] |= changes
    assert sentence in _error(config, "local")


def test_a_url_in_a_stack_file_is_no_place_for_a_secret_on_aws() -> None:
    """On EKS a secret is named by its ARN: anything else cannot be mounted."""
    config = _config("staging")
    config["monitoring"]["receivers"][0] |= {"secret": "slack"}
    assert "Allowed: the ARN of a Secrets Manager secret" in _error(config, "staging")


def test_each_receiver_is_reached_by_a_narrow_route_before_a_wide_one() -> None:
    """Routes from narrow to wide are fine: the first that matches wins."""
    config = _config("local")
    config["monitoring"]["routes"] = [
        {"severity": "page", "team": "language", "receiver": "log"},
        {"severity": "page", "receiver": "log"},
        {"team": "platform", "receiver": "log"},
        {"receiver": "log"},
    ]
    assert len(settings.parse(config, source=ROOT / "Pulumi.local.yaml").monitoring.routes) == 4
