"""What is kept of metrics, who is told of alerts, and where traces go."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from infra.settings import errors
from infra.settings.base import Model, Name

_MOST_PORT = 65535


def _is_port(place: str) -> bool:
    """Whether the port of ``//host:port`` is one, if there is any."""
    try:
        return urlsplit(place).port != 0
    except ValueError:
        return False


def _url(url: str) -> str:
    if not _is_port(url):
        sentence = f"{url!r} has a port that is none. Allowed: from 1 to {_MOST_PORT}, or without one"
        raise errors.conflict((), sentence)
    if "@" in urlsplit(url).netloc:
        sentence = "it has a user's name or password in it, which all would read. Allowed: without; a receiver's secret"
        raise errors.conflict((), sentence)
    return url


def _endpoint(endpoint: str) -> str:
    if not _is_port(f"//{endpoint}"):
        raise errors.conflict((), f"{endpoint!r} has a port that is none. Allowed: from 1 to {_MOST_PORT}")
    return endpoint


# No braces: no URL has them, and Prometheus takes what stands in them for a template.
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/{}]+(/[^\s{}]*)?$"), AfterValidator(_url)]
Endpoint = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?:[0-9]{1,5}$"), AfterValidator(_endpoint)
]
Secret = Annotated[
    str,
    StringConstraints(
        pattern=r"^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[\w/+=.@-]+|[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$"
    ),
]
_WHERE_THE_URL_IS = (
    "Holds the URL under the key `url`: the ARN of a Secrets Manager secret with cluster.kind eks, "
    "the name of a Kubernetes Secret in the monitoring namespace otherwise."
)


class SlackReceiver(Model):
    """A Slack channel, by an incoming webhook whose URL is a secret."""

    name: Name
    kind: Literal["slack"]
    channel: Annotated[str, StringConstraints(pattern=r"^#[a-z0-9_-]{1,80}$")]
    secret: Secret = Field(description=_WHERE_THE_URL_IS)


class WebhookReceiver(Model):
    """Any HTTP endpoint that takes Alertmanager's notifications."""

    name: Name
    kind: Literal["webhook"]
    url: Url | None = Field(default=None, description="Where it is no secret.")
    secret: Secret | None = Field(default=None, description=_WHERE_THE_URL_IS)

    @model_validator(mode="after")
    def _one_of_url_and_secret(self) -> Self:
        if (self.url is None) == (self.secret is None):
            found = "neither url nor secret is there" if self.url is None else "both url and secret are there"
            raise errors.conflict((), f"{found}. Allowed: url, or secret where the URL must not be seen")
        return self


class LogReceiver(Model):
    """A pod that writes each alert to its log, for stacks that have nobody to wake."""

    name: Name
    kind: Literal["log"]


Receiver = Annotated[SlackReceiver | WebhookReceiver | LogReceiver, Field(discriminator="kind")]


class Route(Model):
    """Alerts of that severity and team go to that receiver; without a key, those of any."""

    severity: Literal["page", "ticket"] | None = None
    team: Name | None = None
    receiver: Name


class Traces(Model):
    """How many requests are traced, and where the traces go."""

    sampling: Annotated[int, Field(ge=0, le=100)] = Field(default=5, description="Per cent of requests.")
    endpoint: Endpoint | None = Field(
        default=None, description="host:port that takes OTLP over gRPC; without, a file in the collector's pod."
    )


class Monitoring(Model):
    """Prometheus, Alertmanager, Grafana and the collector of a stack."""

    retention_days: Annotated[int, Field(ge=1, le=400)] = Field(description="For how long metrics are kept.")
    storage_gib: Annotated[int, Field(ge=1, le=16384)] | None = Field(
        default=None, description="Size of the volume of each Prometheus; without, what it knows goes with its pod."
    )
    replicas: Literal[1, 2] = Field(default=1, description="Of Prometheus and of Alertmanager.")
    runbooks: Url = Field(description="Where docs/runbooks is read; the alert's name and .md are appended.")
    receivers: Annotated[tuple[Receiver, ...], Field(min_length=1)]
    routes: tuple[Route, ...] = Field(default=(), description="The first that matches wins.")
    default_receiver: Name = Field(description="Of what no route matches.")
    dead_mans_switch: Name | None = Field(
        default=None, description="Receiver of the alert that always fires; who does not hear it raises the alarm."
    )
    traces: Traces = Traces()

    @model_validator(mode="after")
    def _receivers_are_known(self) -> Self:
        names = [receiver.name for receiver in self.receivers]
        for index, name in enumerate(names):
            if name in names[:index]:
                sentence = f"the name {name!r} is used twice; names of receivers must differ"
                raise errors.conflict(("receivers", index, "name"), sentence)
        used: list[tuple[errors.Location, str | None]] = [
            (("default_receiver",), self.default_receiver),
            (("dead_mans_switch",), self.dead_mans_switch),
            *((("routes", index, "receiver"), route.receiver) for index, route in enumerate(self.routes)),
        ]
        for path, name in used:
            if name is not None and name not in names:
                sentence = f"no receiver is named {name!r}. Allowed: {', '.join(names)}"
                raise errors.conflict(path, sentence)
        return self

    @model_validator(mode="after")
    def _routes_can_be_reached(self) -> Self:
        for index, route in enumerate(self.routes):
            for earlier in self.routes[:index]:
                if earlier.severity in (None, route.severity) and earlier.team in (None, route.team):
                    sentence = "an earlier route takes all that this one would. Allowed: the narrower route first"
                    raise errors.conflict(("routes", index), sentence)
        return self
