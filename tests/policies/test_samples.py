"""Every rule is what its samples say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policies.__main__ import RULES
from policies.rule import ResourceRule
from tests.policies.samples import ROOT, SIDES, Sample, all_samples

if TYPE_CHECKING:
    from policies.rule import Rule


@pytest.mark.parametrize("sample", all_samples(), ids=str)
def test_sample(sample: Sample) -> None:
    """A rule passes what is allowed, fails what is not, and says so where it cannot know."""
    findings = sample.rule.judge(sample.resources())
    wanted = SIDES[sample.side]
    if isinstance(sample.rule, ResourceRule):
        # Each document of a file stands for itself.
        assert [(finding.resource.name, finding.verdict) for finding in findings] == [
            (resource.name, wanted) for resource in sample.resources()
        ]
    else:
        assert wanted in {finding.verdict for finding in findings} or (sample.side == "allowed" and not findings)
        assert sample.side == "disallowed" or {finding.verdict for finding in findings} <= {wanted}


@pytest.mark.parametrize("sample", all_samples("disallowed"), ids=str)
def test_a_failure_says_what_where_why_and_what_to_do(sample: Sample) -> None:
    """A message names the rule, the resource, a reason and a remedy."""
    failures = [finding for finding in sample.rule.judge(sample.resources()) if finding.reasons]
    for finding in failures:
        first, *rest = finding.message().splitlines()
        assert first == f"{sample.rule.name}: {finding.resource.type} {finding.resource.name}"
        assert [line.split(":")[0] for line in rest] == ["reason"] * len(finding.reasons) + ["to do"] * len(
            finding.remedies
        )
        assert finding.reasons
        assert finding.remedies


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_has_samples_of_both_kinds(rule: Rule) -> None:
    """A rule without two samples that it allows and two that it forbids is not known to work."""
    for side in ("allowed", "disallowed"):
        assert len(list((ROOT / rule.name / side).glob("*.yaml"))) > 1, f"{rule.name} lacks samples in {side}/"


def test_no_sample_is_left_over() -> None:
    """Every sample folder is of a listed rule and a known side, so that no sample goes unread."""
    read = {sample.path for sample in all_samples()}
    there = {path for path in ROOT.rglob("*") if path.is_file() and path.suffix in {".yaml", ".yml", ".json"}}
    assert there == read


def test_each_rule_file_is_listed() -> None:
    """A rule is one file of its name, and a file that the list forgets would check nothing."""
    files = {path.stem.replace("_", "-") for path in (ROOT.parents[1] / "policies" / "rules").glob("[!_]*.py")}
    names = [rule.name for rule in RULES]
    assert sorted(names) == sorted(files)
