"""The commands that look into monitoring: `python -m local alerts`, `prometheus` and `trace`."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from local import alert_log, traces
from local.api import Api
from local.errors import ClusterError
from local.monitored import Monitored
from local.paths import Paths

if TYPE_CHECKING:
    from datetime import datetime

_POLL_SECONDS = 1.0
# Who measures a span keeps it for a second, and so does the collector.
_SENT_SECONDS = 5.0
_HEARTBEAT = "none"


@click.command()
@click.option("--follow", is_flag=True, help="Print new ones as they come, until interrupted.")
@click.option("--all", "everything", is_flag=True, help="With the heartbeat of the dead man's switch.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def alerts(*, follow: bool, everything: bool, as_json: bool) -> None:
    """Print the alerts that were delivered: what the stack's receivers of kind `log` have got."""
    monitored = _monitored(Paths.of_this_checkout())
    last: datetime | None = None
    while True:
        found = alert_log.read(monitored, since=last)
        new = [each for each in found if last is None or each.at > last]  # a log is given by the second
        for delivery in new:
            if everything or delivery.labels.get("severity") != _HEARTBEAT:
                _print(delivery, as_json=as_json)
        last = new[-1].at if new else last
        if not follow:
            return
        time.sleep(_POLL_SECONDS)


def _print(delivery: alert_log.Delivery, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(delivery), default=str))
        return
    labels = delivery.labels
    summary = delivery.annotations.get("summary", "")
    subject = f"{labels.get('severity', ''):6} {labels['alertname']}"
    click.echo(f"{delivery.at.astimezone():%Y-%m-%d %H:%M:%S}  {delivery.status:8}  {subject}: {summary}")


@click.command()
@click.argument("query")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def prometheus(query: str, *, as_json: bool) -> None:
    """Evaluate the PromQL QUERY now: the local stack's Prometheus has no port on this machine."""
    samples = _monitored(Paths.of_this_checkout()).query(query)
    if as_json:
        click.echo(json.dumps([asdict(sample) for sample in samples], indent=2))
        return
    table = Table("series", "value", box=None)
    for sample in samples:
        labels = ", ".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
        table.add_row(labels or "-", f"{sample.value:g}")
    Console().print(table if samples else "no series")


@click.command()
@click.argument("trace_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def trace(trace_id: str, *, as_json: bool) -> None:
    """Print the way of one request, from the gateway to the batch: TRACE_ID stands in the line of the pod's log."""
    paths = Paths.of_this_checkout()
    pod = _monitored(paths).pod("collector")
    end = time.monotonic() + _SENT_SECONDS
    while not (spans := traces.read(traces.files(paths, pod), trace_id)):
        if time.monotonic() > end:
            raise ClusterError(
                f"there are no spans of {trace_id}: newer ones replace those of the past, and only as many requests "
                "are traced as `monitoring.traces.sampling` says"
            )
        time.sleep(_POLL_SECONDS)
    if as_json:
        click.echo(json.dumps([asdict(span) for span in spans], indent=2))
    else:
        click.echo("   begin      length")
        click.echo("\n".join(traces.tree(spans)))


def _monitored(paths: Paths) -> Monitored:
    if not paths.ready_file.exists():
        raise ClusterError("the embedded cluster is not up: run `make up`")
    return Monitored(Api(paths.kubeconfig))
