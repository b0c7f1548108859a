"""Prometheus and the alert log of the local stack, read through the API server: no port of theirs is on the host."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from infra import naming
from local.errors import ClusterError
from local.pods import is_ready

if TYPE_CHECKING:
    from local.api import Api, Json

_PODS = f"/api/v1/namespaces/{naming.MONITORING_NAMESPACE}/pods"
PROMETHEUS_PORT = 9090
Labels = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One series' value at one time."""

    labels: Labels
    value: float


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert that Prometheus holds: `state` is `pending` or `firing`, `since` is when it became pending."""

    labels: Labels
    annotations: Labels
    state: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class AlertingRule:
    """A rule that may raise alerts.

    Attributes:
        identity: tells it from all others.
        evaluated: when that was last.
        alerts: what it raised then.
    """

    identity: str
    evaluated: datetime
    alerts: tuple[Alert, ...]


class Monitored:
    """A client of what watches the stack."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def query(self, expression: str) -> list[Sample]:
        """Evaluate PromQL now.

        Raises:
            ClusterError: Prometheus is not there, or refuses the expression.
        """
        data = self.prometheus(f"query?{urlencode({'query': expression})}")
        if data["resultType"] == "scalar":
            return [Sample(labels={}, value=float(data["result"][1]))]
        if data["resultType"] != "vector":
            raise ClusterError(f"{expression} is a {data['resultType']}: ask for one value of each series, no range")
        return [Sample(labels=each["metric"], value=float(each["value"][1])) for each in data["result"]]

    def rules(self) -> list[AlertingRule]:
        """The rules with what is pending or firing."""
        return [
            AlertingRule(
                identity=json.dumps([group["name"], rule["name"], rule["labels"]], sort_keys=True),
                evaluated=time_of(rule["lastEvaluation"]),
                alerts=tuple(map(_alert, rule["alerts"])),
            )
            for group in self.prometheus("rules?type=alert")["groups"]
            for rule in group["rules"]
        ]

    def prometheus(self, path: str) -> Any:  # noqa: ANN401  # JSON is anything
        """The data that Prometheus' API gives at a path below /api/v1/.

        Raises:
            ClusterError: it is not there, or refuses.
        """
        return json.loads(self.get("prometheus", PROMETHEUS_PORT, f"api/v1/{path}"))["data"]

    def get(self, component: str, port: int, path: str) -> str:
        """What a component of monitoring answers at a path.

        Raises:
            ClusterError: none of its pods is ready, or it answers an error.
        """
        return self._api.text(f"{self._path(component)}:{port}/proxy/{path}")

    def pod(self, component: str) -> Json:
        """A pod of a component of monitoring.

        Raises:
            ClusterError: none is ready.
        """
        selector = quote(f"app.kubernetes.io/name={component}", safe="=")
        for pod in self._api.get(f"{_PODS}?labelSelector={selector}")["items"]:
            if is_ready(pod):
                return pod
        raise ClusterError(f"no pod of {component} is ready: run `make up`, then `kubectl get pods -A`")

    def log(self, component: str, *, since: datetime | None = None) -> list[tuple[datetime, str]]:
        """What a component wrote: lines with the times at which it wrote them, in order."""
        options = {"timestamps": "true"}
        if since is not None:
            options["sinceTime"] = since.isoformat()
        text = self._api.text(f"{self._path(component)}/log?{urlencode(options)}")
        split = (line.partition(" ") for line in text.splitlines())
        return [(time_of(at), line) for at, _, line in split]

    def _path(self, component: str) -> str:
        return f"{_PODS}/{self.pod(component)['metadata']['name']}"


def _alert(found: Json) -> Alert:
    return Alert(
        labels=found["labels"],
        annotations=found["annotations"],
        state=found["state"],
        since=time_of(found["activeAt"]),
    )


def time_of(text: str) -> datetime:
    """A time of Kubernetes or Prometheus, which write nanoseconds; Python knows microseconds."""
    whole, dot, rest = text.partition(".")
    digits = "".join(part for part in rest if part.isdigit()) if dot else ""
    return datetime.fromisoformat(f"{whole.removesuffix('Z')}.{digits:0<6.6}+00:00")
