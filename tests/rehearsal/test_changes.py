"""What is lost is told first."""

from pathlib import Path

from rehearsal import changes, events
from tests.rehearsal.samples import step, urn, write_log


def _steps(tmp_path: Path) -> dict[str, events.Step]:
    log = write_log(
        tmp_path,
        step("create", "aws:ec2/vpc:Vpc", "network"),
        step("update", "aws:eks/cluster:Cluster", "cluster", diffs=["version"]),
        step("delete", "aws:ec2/route:Route", "way"),
        step("delete", "aws:s3/bucket:Bucket", "models"),
        step("replace", "aws:rds/instance:Instance", "database", keys=["identifier"]),
        step("replace", "inferstack:aws:Database", "database", custom=False),
        step("same", "aws:kms/key:Key", "key"),
        step("create", "pulumi:providers:aws", "aws"),
    )
    return events.read(log).steps


def test_losses_come_first_then_other_replacements_and_deletions(tmp_path: Path) -> None:
    """Order: replaced and deleted things that hold data, then those that do not, then what is new or changed."""
    found = changes.changes(_steps(tmp_path), protected=[])
    assert [(one.change, one.name) for one in found] == [
        ("replaced", "database"),
        ("deleted", "models"),
        ("deleted", "way"),
        ("created", "network"),
        ("updated", "cluster"),
    ]
    assert found[0].loses == "the database with its automatic backups"
    assert found[0].because_of == ("identifier",)


def test_what_a_real_update_would_refuse_is_said(tmp_path: Path) -> None:
    """A protected resource that is replaced is marked; one that is only updated is not."""
    names = [urn("aws:rds/instance:Instance", "database"), urn("aws:eks/cluster:Cluster", "cluster")]
    found = changes.changes(_steps(tmp_path), protected=names)
    assert [one.name for one in found if one.protected] == ["database"]


def test_components_and_providers_are_no_changes(tmp_path: Path) -> None:
    """What is only in the program is neither changed nor unchanged."""
    steps = _steps(tmp_path)
    assert not [one for one in changes.changes(steps, protected=[]) if one.type.startswith(("pulumi:", "inferstack:"))]
    assert changes.unchanged(steps) == 1


def test_updating_something_stateful_loses_nothing(tmp_path: Path) -> None:
    """The cluster is in the table, and its update is no loss."""
    cluster = next(one for one in changes.changes(_steps(tmp_path), protected=[]) if one.name == "cluster")
    assert cluster.loses is None
