"""The two programs that are applied."""

import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import source
from rehearsal.errors import ExitCode, UsageError


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one commit and a tag, and a change since."""
    root = tmp_path / "checkout"
    root.mkdir()
    for name in (".tools", ".state", ".state/models", ".state/cluster", ".venv"):
        (root / name).mkdir()
    (root / "Pulumi.yaml").write_text("name: inferstack")
    (root / "Pulumi.prod.yaml").write_text("config: {}")
    for command in (
        ("init", "-q"),
        ("add", "Pulumi.yaml", "Pulumi.prod.yaml"),
        ("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "one"),
        ("tag", "v1"),
    ):
        subprocess.run(["git", *command], cwd=root, check=True)
    (root / "Pulumi.prod.yaml").write_text("config: {changed: true}")
    return root


def test_a_reference_is_what_was_committed(checkout: Path, tmp_path: Path) -> None:
    """The export has the tracked files of the tag, and the packages and tools of the checkout."""
    base = source.export(checkout, "v1", tmp_path / "base", checkout=checkout)
    assert (base / "Pulumi.prod.yaml").read_text() == "config: {}"
    assert (base / ".venv").resolve() == Path(sys.prefix).resolve()
    assert (base / ".tools").resolve() == checkout / ".tools"


def test_the_working_tree_is_what_lies_there_without_its_state(checkout: Path, tmp_path: Path) -> None:
    """Uncommitted changes count; what is written below .state is not written into the checkout's."""
    project = source.working_tree(checkout, tmp_path / "project", checkout=checkout)
    assert "changed" in (project / "Pulumi.prod.yaml").read_text()
    (project / ".state" / "cluster").mkdir()
    assert (project / ".state" / "models").resolve() == checkout / ".state" / "models"
    assert not (project / ".git").exists()
    assert not (project / ".state").is_symlink()


def test_a_pull_requests_program_gets_this_checkouts_tools(checkout: Path, tmp_path: Path) -> None:
    """What another checkout brings along as tools, packages or state is not used."""
    theirs = tmp_path / "theirs"
    for name in (".tools", ".venv", ".state"):
        (theirs / name).mkdir(parents=True)
    (theirs / "Pulumi.prod.yaml").write_text("config: {theirs: true}")
    project = source.working_tree(theirs, tmp_path / "project", checkout=checkout)
    assert "theirs" in (project / "Pulumi.prod.yaml").read_text()
    assert (project / ".tools").resolve() == checkout / ".tools"
    assert (project / ".venv").resolve() == Path(sys.prefix).resolve()
    assert (project / ".state" / "models").resolve() == checkout / ".state" / "models"


@pytest.mark.parametrize("reference", ["nope", "--output=/dev/null", ""])
def test_a_missing_reference_is_one_sentence(checkout: Path, reference: str) -> None:
    """Nothing that looks like an option reaches git as one."""
    with pytest.raises(UsageError, match="git knows no such branch, tag or commit here") as caught:
        source.commit_of(checkout, reference)
    assert caught.value.code == ExitCode.USAGE


def test_a_reference_without_the_stack_says_which_it_has(checkout: Path) -> None:
    """A stack that is newer than the reference is rehearsed as a new one."""
    source.check_stack(checkout, "v1", "prod")
    with pytest.raises(UsageError, match=r"'v1': there is no Pulumi\.dev\.yaml in it\. Stacks there: prod"):
        source.check_stack(checkout, "v1", "dev")


def test_a_folder_without_git_is_one_sentence(tmp_path: Path) -> None:
    """An unpacked archive has no references."""
    with pytest.raises(UsageError, match="git knows no such"):
        source.commit_of(tmp_path, "v1")
