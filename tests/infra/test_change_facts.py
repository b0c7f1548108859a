"""What rules of change are told beside the states: what another stack has proven, and whose rules hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from infra import change_facts, deployed, settings
from infra.release_states import change
from infra.settings import CanaryRelease, Changes, SettingsError, Slot
from policies.rule import Resource, Verdict
from policies.rules.release_promotion import RULE
from tests.infra.stacks import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from infra.release_states import Change

NOW, LATER = datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 27, 10, tzinfo=UTC)
FREEZE = {"begins": "2020-01-01T00:00:00Z", "ends": "2999-01-01T00:00:00Z", "reason": "The week of the sale."}
ASKS = Changes(promoted_from="staging")


def _canary(stable: str, candidate: str | None = None) -> CanaryRelease:
    return CanaryRelease(
        strategy="canary",
        stable=Slot(version=stable, replicas=1, weight=100),
        candidate=Slot(version=candidate, replicas=1, weight=0) if candidate else None,
    )


def _staging(root: Path, version: str) -> None:
    release = _canary(version).model_dump(mode="json", exclude_none=True)
    file = {"config": {"inferstack:services": [{"name": "sentiment", "release": release}]}}
    (root / "Pulumi.staging.yaml").write_text(yaml.safe_dump(file))


def _proven(made: Change, root: Path, rules: Changes = ASKS) -> Change:
    return change_facts.proven({"sentiment": made}, rules, source=root / "Pulumi.prod.yaml", root=root)["sentiment"]


def _known(made: Change) -> dict[str, Any]:
    return json.loads(json.dumps(made.record()))


def _verdict(made: Change, rules: Changes = ASKS) -> Verdict:
    """What release-promotion says of the component."""
    stack = settings.read("local", ROOT)
    service = stack.services[0].model_copy(update={"release": made.wanted.release})
    told = change_facts.facts(stack, service, rules=rules, change=made, root=ROOT)
    properties = {"service": "sentiment", **told, **made.plain()}
    resource = Resource(type="inferstack:kubernetes:ServiceRelease", name="sentiment", urn="", properties=properties)
    (finding,) = RULE.judge([resource])
    return finding.verdict


def test_a_version_stays_whatever_the_stack_before_does_later(tmp_path: Path) -> None:
    """A step keeps what was proven when it was begun: an update with nothing to do declares the same, and passes."""
    _staging(tmp_path, "0.1.0")
    first = _proven(change(None, _canary("0.1.0"), now=NOW), tmp_path)
    assert (first.proven, _verdict(first)) == (("0.1.0",), Verdict.PASS)
    _staging(tmp_path, "0.2.0")
    again = _proven(change(_known(first), _canary("0.1.0"), now=LATER), tmp_path)
    assert (again.proven, again.record(), _verdict(again)) == (first.proven, first.record(), Verdict.PASS)
    prepared = _proven(change(_known(again), _canary("0.1.0", "0.2.0"), now=LATER), tmp_path)
    assert (prepared.proven, _verdict(prepared)) == (("0.2.0",), Verdict.PASS)


def test_a_version_that_the_stack_before_has_not_run_is_refused(tmp_path: Path) -> None:
    """Also where it routed requests to it in a step before."""
    _staging(tmp_path, "0.1.0")
    first = _proven(change(None, _canary("0.1.0"), now=NOW), tmp_path)
    prepared = _proven(change(_known(first), _canary("0.1.0", "0.2.0"), now=LATER), tmp_path)
    assert (prepared.proven, _verdict(prepared)) == (("0.1.0",), Verdict.FAIL)


def test_what_was_deployed_before_anybody_asked_stays(tmp_path: Path) -> None:
    """A stack that begins to take its versions from another has nothing to undo."""
    _staging(tmp_path, "0.2.0")
    first = _proven(change(None, _canary("0.1.0"), now=NOW), tmp_path, Changes())
    assert "proven" not in first.record()["last"]
    again = _proven(change(_known(first), _canary("0.1.0"), now=LATER), tmp_path)
    assert (again.proven, _verdict(again)) == (("0.1.0",), Verdict.PASS)


def test_a_pull_request_lifts_no_rule_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Freezes of the base branch and of the pull request hold, and the stack that the base branch asks."""
    base = tmp_path / "Pulumi.local.yaml"
    base.write_text(yaml.safe_dump({"config": {"inferstack:changes": {"freezes": [FREEZE], "promoted_from": "dev"}}}))
    own = settings.read("local", ROOT)
    assert change_facts.in_force(own) == own.changes
    monkeypatch.setenv(deployed.BASE_STACK_FILE, str(base))
    found = change_facts.in_force(own)
    assert ([each.reason for each in found.freezes], found.promoted_from) == (["The week of the sale."], "dev")
    twice = own.model_copy(update={"changes": found})
    assert change_facts.in_force(twice) == found
    base.write_text("config: {}\n")
    assert change_facts.in_force(own) == own.changes
    base.write_text(yaml.safe_dump({"config": {"inferstack:changes": {"freezes": 3}}}))
    with pytest.raises(SettingsError, match=r"Pulumi\.local\.yaml: inferstack:changes, of the base branch, cannot be"):
        change_facts.in_force(own)
