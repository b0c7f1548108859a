"""The forms of the report."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from infra import settings
from rehearsal import events, findings, markdown, prices, terminal
from rehearsal.cost import Deployed
from rehearsal.report import STAND_IN, PendingPod, Report
from tests.rehearsal.samples import group, step, urn, violation, write_log

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """A report with something in every part."""
    many = [step("create", "aws:iam/role:Role", f"role-{index}", inputs={}) for index in range(40)]
    log = write_log(
        tmp_path,
        step("replace", "aws:rds/instance:Instance", "database", keys=["identifier"]),
        step("delete", "aws:ec2/route:Route", "way"),
        *many,
        violation("exempted", "t\nexempted: x\nprobes: a | b <c>", level="advisory", where=urn("x", "agent")),
        violation("undecided", "t\nundecided: x\nimage-digest: not known", level="advisory", where=urn("x", "one")),
        violation("undecided", "t\nundecided: x\nimage-digest: not known", level="advisory", where=urn("x", "two")),
    )
    outcome = events.read(log)
    found = findings.Findings(
        stack="prod",
        settings=settings.read("prod", CHECKOUT),
        source=settings.stack_file("prod", CHECKOUT),
        compared_with="v1 (0123456789ab)",
        preview=outcome,
        update=outcome,
        groups=[group()],
        after=Deployed(resources=[{"type": "aws:ec2/natGateway:NatGateway", "inputs": {}}]),
        protected=[urn("aws:rds/instance:Instance", "database")],
    )
    return findings.report(found, prices=prices.load())


def _terminal(report: Report) -> str:
    output = io.StringIO()
    terminal.show(report, Console(file=output, width=400))
    return output.getvalue()


def test_every_form_begins_with_what_it_is_and_says_what_was_not_checked(report: Report) -> None:
    """The first line says that this is a stand-in rehearsal; the verdict and its reasons follow at once."""
    texts = {"terminal": _terminal(report), "markdown": markdown.render(report)}
    for text in texts.values():
        first, *rest = [line for line in text.splitlines() if line]
        assert first.removeprefix("> ") == STAND_IN
        assert "prod since v1 (0123456789ab): it would replace or delete" in rest[0]
        assert "aws:rds/instance:Instance database is replaced" in rest[1]
        assert "no image or engine was built, and none started" in text
    data = json.loads(report.model_dump_json())
    assert next(iter(data.items())) == ("schema_version", 1)
    assert data["notice"] == STAND_IN
    assert data["not_checked"]


def test_what_is_lost_is_told_before_what_is_new(report: Report) -> None:
    """With what forces it, what is lost, and that a real update would refuse it."""
    for text in (_terminal(report), markdown.render(report)):
        lost = text.index("because of identifier: loses the database with its automatic backups (protected:")
        assert lost < text.index("aws:ec2/route:Route way") < text.index(" 40 x aws:iam/role:Role")


def test_what_is_undecided_is_told_rule_by_rule(report: Report) -> None:
    """A preview may leave a rule undecided for dozens of resources."""
    assert "undecided image-digest: one, two" in _terminal(report)
    assert "- **undecided** image-digest: one, two" in markdown.render(report)


def test_brackets_are_text(report: Report) -> None:
    """Paths into a resource have brackets, which are no colours of the terminal."""
    change = report.changes[0].model_copy(update={"because_of": ("spec.containers[serving].image",)})
    verdict = report.policies.findings[0].model_copy(update={"rule": "r[blue]", "message": "m[red]"})
    policies = report.policies.model_copy(update={"findings": (verdict,)})
    pending = PendingPod(pod="a/b", reason="node(s) had [bold] taints", remark="")
    text = _terminal(
        report.model_copy(
            update={"changes": (change,), "policies": policies, "reasons": ("x[green]",), "pending_pods": (pending,)}
        )
    )
    for bracketed in ("containers[serving].image", "r[blue]", "m[red]", "x[green]", "had [bold] taints"):
        assert bracketed in text


def test_markdown_shows_text_as_it_is(report: Report) -> None:
    """What a resource or a rule is called cannot break the table or become HTML."""
    assert r"a \| b &lt;c>" in markdown.render(report)


def test_the_json_can_be_read_back(report: Report) -> None:
    """The model documents the schema, and reads what it wrote."""
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_gpus_and_costs_are_in_every_form(report: Report) -> None:
    """Wanted and there, per pool; before, after, and with every group at its maximum; the prices' date and source."""
    for text in (_terminal(report), markdown.render(report)):
        assert "node group gpu: 3 x g6.xlarge at the end (from 3 to 9)" in text
        assert "vpc/nat-gateway" in text
        assert f"prices of {prices.load().date}" in text
