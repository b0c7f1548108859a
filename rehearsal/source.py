"""The two programs that a rehearsal applies: the stack as of a git reference, and as of the working tree.

Each lies in a folder of its own inside the rehearsal's, so that neither writes to the checkout. The Python packages,
the tools, the rules and the stand-ins are always the current checkout's.
"""

from __future__ import annotations

import fnmatch
import io
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from rehearsal import stack_file
from rehearsal.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

# What the checkout holds besides the program, and what a rehearsal has of its own.
_NOT_LINKED = frozenset({".git", ".state", ".tools", ".venv"})
# What the program looks at of the checkout's state: the models of versions that were built here.
_BUILT = ("models", "contexts", "wheels")


def working_tree(program: Path, to: Path, *, checkout: Path) -> Path:
    """Make a folder that looks like the program's, of links, with the checkout's state.

    Pulumi writes to stack files; it gets copies.
    """
    to.mkdir(parents=True)
    for entry in program.iterdir():
        if fnmatch.fnmatch(entry.name, stack_file.PATTERN):
            stack_file.write(entry, to / entry.name)
        elif entry.name not in _NOT_LINKED:
            (to / entry.name).symlink_to(entry.resolve())
    _link(checkout, to)
    return to


def export(program: Path, reference: str, to: Path, *, checkout: Path) -> Path:
    """Write the tracked files of a git reference of the program's into a new folder.

    Raises:
        UsageError: git does not know the reference, or this is no git checkout.
    """
    commit = commit_of(program, reference)
    archive = subprocess.run(["git", "archive", "--format=tar", commit], cwd=program, capture_output=True, check=True)
    to.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(to, filter="data")
    for file in to.glob(stack_file.PATTERN):
        stack_file.write(file, file)
    _link(checkout, to)
    return to


def commit_of(checkout: Path, reference: str) -> str:
    """The commit that a branch, tag or hash names.

    Raises:
        UsageError: there is none.
    """
    answer = _git(checkout, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if answer.returncode:
        raise UsageError(
            f"--from {reference!r}: git knows no such branch, tag or commit here."
            " Allowed: anything that `git rev-parse` understands; a shallow clone may have to fetch it first"
        )
    return answer.stdout.strip()


def check_stack(checkout: Path, reference: str, stack: str) -> None:
    """Refuse a reference that has no such stack.

    Raises:
        UsageError: names the stacks that it has.
    """
    commit = commit_of(checkout, reference)
    names = _git(checkout, "ls-tree", "--name-only", commit).stdout.split()
    stacks = sorted(name.split(".")[1] for name in names if name.startswith("Pulumi.") and name.count(".") > 1)
    if stack not in stacks:
        raise UsageError(
            f"--from {reference!r}: there is no Pulumi.{stack}.yaml in it. Stacks there: {', '.join(stacks) or 'none'}."
            " Without --from, the stack is rehearsed as a new one"
        )


def _git(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UsageError("--from needs git, which is not on PATH") from None


def _link(checkout: Path, to: Path) -> None:
    """Give a program what is not tracked: the Python environment that this process runs in, and what was built."""
    (to / ".tools").symlink_to(checkout / ".tools")
    (to / ".venv").symlink_to(sys.prefix)  # `virtualenv: .venv` in Pulumi.yaml
    (to / ".state").mkdir()
    for name in _BUILT:
        if (built := checkout / ".state" / name).exists():
            (to / ".state" / name).symlink_to(built)
