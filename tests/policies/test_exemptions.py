"""What a rule lets pass by name: one setting, one value, until a day, and never in silence."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from policies.__main__ import EXEMPTIONS
from policies.exemptions import Exemption, ExemptionError, load, with_exemptions
from policies.node import UNKNOWN
from policies.rule import Resource, Verdict
from policies.rules import host_isolation, resource_quota

if TYPE_CHECKING:
    from pathlib import Path

LAST_DAY: Final = date(2027, 3, 31)
EXEMPTION: Final = Exemption(
    rule="host-isolation",
    resource="kubernetes:core/v1:Pod agent",
    allows={"spec.volumes[socket].hostPath": {"path": "/run/agent"}},
    owner="platform team",
    reason="The socket is on the node.",
    until=LAST_DAY,
)


def _pod(*, name: str = "agent", path: object = "/run/agent", privileged: bool = False) -> Resource:
    spec = {
        "volumes": [{"name": "socket", "hostPath": {"path": path}}],
        "containers": [{"name": "agent", "securityContext": {"privileged": privileged}}],
    }
    return Resource(type="kubernetes:core/v1:Pod", name=name, properties={"metadata": {"name": name}, "spec": spec})


def _judge(resource: Resource, today: date = LAST_DAY) -> Any:  # noqa: ANN401  a finding
    (finding,) = with_exemptions(host_isolation.RULE, [EXEMPTION], today).judge([resource])
    return finding


def test_what_is_exempted_passes_and_is_told() -> None:
    """The setting with its value passes, and the finding says what, why, who and until when."""
    finding = _judge(_pod())
    assert finding.verdict is Verdict.PASS
    (note,) = finding.exemptions
    for part in ("hostPath", "/run/agent", "The socket is on the node.", "platform team", "2027-03-31"):
        assert part in note


@pytest.mark.parametrize(
    "resource",
    [_pod(name="another"), _pod(path="/"), _pod(privileged=True)],
    ids=["another resource", "another value", "another setting"],
)
def test_nothing_else_is(resource: Resource) -> None:
    """Another resource, another value of the setting, another setting of the resource: the rule stands."""
    assert _judge(resource).verdict is Verdict.FAIL


def test_it_ends_after_its_last_day() -> None:
    """A day later the rule fails, and says whose exemption has ended."""
    finding = _judge(_pod(), LAST_DAY + timedelta(days=1))
    assert finding.verdict is Verdict.FAIL
    assert "platform team" in finding.remedies[0]
    assert "2027-03-31" in finding.remedies[0]


def test_what_is_not_known_is_not_exempted() -> None:
    """An unknown value is undecided, not let pass; that there is a hostPath at all is known, and fails."""
    assert _judge(_pod(path=UNKNOWN)).verdict is Verdict.FAIL


def test_a_rule_without_exemptions_is_itself() -> None:
    """An exemption of one rule is none of another's."""
    assert with_exemptions(resource_quota.RULE, [EXEMPTION], LAST_DAY) is resource_quota.RULE


GOOD: Final = {
    "rule": '"host-isolation"',
    "resource": '"kubernetes:core/v1:Pod agent"',
    "owner": '"platform team"',
    "reason": '"There is no other way."',
    "until": "2027-03-31",
    "allows": '{ "spec.hostPID" = true }',
}


def _load(folder: Path, **changes: str | None) -> tuple[Exemption, ...]:
    file = folder / "exemptions.toml"
    lines = {**GOOD, **changes}
    file.write_text("[[exemption]]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items() if value))
    return load(file, [host_isolation.RULE, resource_quota.RULE])


def test_a_list_is_read(tmp_path: Path) -> None:
    """Every key is there, and the day is a day."""
    (exemption,) = _load(tmp_path)
    assert exemption.until == LAST_DAY
    assert exemption.allows == {"spec.hostPID": True}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"owner": None}, "owner is missing"),
        ({"owner": '""'}, "owner is ''"),
        ({"until": '"2027-03-31"'}, "until is '2027-03-31'"),
        ({"allows": "{}"}, "allows is {}"),
        ({"note": '"x"'}, "note is missing or unknown"),
        ({"rule": '"no-such-rule"'}, "named 'no-such-rule'"),
        ({"rule": '"resource-quota"'}, "about single resources is named 'resource-quota'"),
        ({"rule": "!"}, "exemptions.toml: "),
    ],
)
def test_a_list_that_is_wrong_is_refused(tmp_path: Path, changes: dict[str, str | None], said: str) -> None:
    """An exemption without an owner, a day or a setting, or of no rule, stops the pack with one sentence."""
    with pytest.raises(ExemptionError) as refused:
        _load(tmp_path, **changes)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("exemption", EXEMPTIONS, ids=lambda each: f"{each.rule} {each.resource}")
def test_none_is_for_ever(exemption: Exemption) -> None:
    """An exemption is looked at again at least once a year."""
    today = datetime.now(tz=UTC).date()
    assert exemption.until <= today + timedelta(days=366)


def test_the_list_can_be_told() -> None:
    """What `list --json` prints of an exemption is JSON, whatever value it allows."""
    assert json.dumps([exemption.allows for exemption in EXEMPTIONS])
