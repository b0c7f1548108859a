"""The runbooks of alerts: each alert has one, all have one shape, and what they say is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from infra import naming
from tests.docs import blocks, runbooks
from tests.infra import stacks
from tests.infra.slo.objectives import metrics_of

if TYPE_CHECKING:
    from pathlib import Path

HEADINGS = [
    "## First look",
    "## Likely causes",
    "## What to do",
    "## When it stops",
    "## When it is a false alarm",
]
# What somebody reads at night.
MOST_LINES = 50
NAMESPACES = {
    naming.GATEWAY_NAMESPACE,
    naming.SERVICES_NAMESPACE,
    naming.SYSTEM_NAMESPACE,
    naming.GPU_NAMESPACE,
    naming.MONITORING_NAMESPACE,
}
# Written like alerts.
KINDS = {"ConfigMap", "StatefulSet"}
_CODE = re.compile(r"^```.*?^```|`[^`]*`", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"kubectl [^`\n|;]+")
_ROW = re.compile(r"^\| \[(?P<name>[A-Z]\w+)\]\(\w+\.md\) \| (?P<severity>[a-z/]+) \| .+ \|$", re.MULTILINE)
each_runbook = pytest.mark.parametrize("document", runbooks.of_alerts(), ids=lambda path: path.stem)


def _asked_by(document: Path) -> set[str]:
    """The series that its queries name."""
    return set[str]().union(*(metrics_of(block.commands) for block in blocks.read(document, "promql")))


def _severities() -> dict[str, set[str]]:
    found = dict[str, set[str]]()
    for alert in runbooks.alerts():
        found.setdefault(alert["alert"], set()).add(alert["labels"]["severity"])
    return found


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    """The link of an alert leads somewhere, and nobody keeps what nothing leads to."""
    assert {document.stem for document in runbooks.of_alerts()} == _severities().keys()


@each_runbook
def test_they_have_one_shape(document: Path) -> None:
    """Whoever is woken finds everything where it always is, and little of it."""
    text = document.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0] == f"# {document.stem}"
    assert [line for line in lines if line.startswith("##")] == HEADINGS
    assert [line.partition("**")[2].partition("**")[0] for line in lines if line.startswith("**")][:2] == [
        "For users.",
        "Computed.",
    ]
    sections = re.split(r"^## .+$", text, flags=re.MULTILINE)
    assert all(section.strip() for section in sections)
    assert len(lines) <= MOST_LINES


def test_the_index_lists_all_with_their_severity() -> None:
    """One row for each alert, in the order of the names."""
    rows = [(row["name"], row["severity"]) for row in _ROW.finditer(runbooks.INDEX.read_text(encoding="utf-8"))]
    assert rows == [(name, "/".join(sorted(found))) for name, found in sorted(_severities().items())]


@each_runbook
def test_queries_name_what_there_is(document: Path) -> None:
    """A query for a metric that nothing exports returns nothing, and looks like good news."""
    assert _asked_by(document) <= runbooks.series()


@each_runbook
def test_alerts_that_are_named_exist(document: Path) -> None:
    """An alert of another name sends the reader nowhere."""
    prose = _CODE.sub("", document.read_text(encoding="utf-8"))
    assert set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", prose)) <= _severities().keys() | KINDS


@each_runbook
def test_the_first_look_shows_the_numbers_of_the_alert(document: Path) -> None:
    """One query at least asks for a series that the alert's own expression has."""
    expressions = [alert["expr"] for alert in runbooks.alerts() if alert["alert"] == document.stem]
    of_the_alert = set[str]().union(*map(metrics_of, expressions))
    assert not of_the_alert or of_the_alert & _asked_by(document)


def _workloads() -> dict[tuple[str, str], set[str]]:
    """The containers of prod, by namespace and name of the component."""
    found = dict[tuple[str, str], set[str]]()
    for each in stacks.declare("prod"):
        inputs: Any = each.inputs if each.type.startswith("kubernetes:") else {}
        pod = inputs.get("spec", {}).get("template", {})
        if "containers" in pod.get("spec", {}):
            place = inputs["metadata"]["namespace"], pod["metadata"]["labels"]["app.kubernetes.io/name"]
            found.setdefault(place, set()).update(container["name"] for container in pod["spec"]["containers"])
    return found


def test_commands_select_pods_that_prod_has() -> None:
    """A selector or a container that is not there shows nothing, and looks like peace."""
    there = _workloads()
    commands = [command for each in runbooks.of_alerts() for command in _COMMAND.findall(each.read_text("utf-8"))]
    assert commands
    for command in commands:
        option = dict(re.findall(r"--(namespace|selector|container) (\S+)", command))
        key, _, name = option.get("selector", "").partition("=")
        if key != "app.kubernetes.io/name" or "namespace" not in option:
            continue
        assert (option["namespace"], name) in there, command
        assert option.get("container", "") in {"", *there[option["namespace"], name]}, command


@each_runbook
def test_commands_mean_namespaces_that_are_there(document: Path) -> None:
    """Also those within a sentence, which are not run."""
    text = document.read_text(encoding="utf-8")
    assert set(re.findall(r"--namespace (\S+)", text)) <= NAMESPACES
    assert set(re.findall(r"\binferstack-[a-z]+\b(?!-)", text)) <= NAMESPACES
