"""What Git has of the stack file, and how a change of it gets there without touching what a person works on."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rollout.errors import ExitCode, RolloutError
from rollout.stack_file import difference

if TYPE_CHECKING:
    from rollout.place import Place

_NO_GIT = 127


def committed(place: Place) -> str | None:
    """The stack file as the last commit has it; None where there is no Git, or it is not in it."""
    answer = _run(place, "show", f"HEAD:./{place.source.name}")
    return answer.stdout if answer.returncode == 0 else None


def patch(place: Place) -> str:
    """What the stack file has that the last commit has not; empty where they agree, or there is no Git."""
    before = committed(place)
    return "" if before is None else difference(before, place.read(), name=_path(place))


def check_branch(place: Place, branch: str) -> None:
    """Make sure that a branch can be committed to from beside.

    Raises:
        RolloutError: its name is none, or somebody has it checked out.
    """
    _must(place, "version")
    if _run(place, "check-ref-format", "--branch", branch).returncode:
        raise RolloutError(f"--commit {branch!r} is no name of a branch", code=ExitCode.USAGE)
    worktrees = _must(place, "worktree", "list", "--porcelain")
    if f"branch refs/heads/{branch}\n" in worktrees:
        sentence = f"--commit {branch!r}: that branch is checked out, and its files would seem changed back"
        raise RolloutError(f"{sentence}. Allowed: any other branch", code=ExitCode.USAGE)


def commit(place: Place, branch: str, message: str) -> str:
    """Commit the stack file, and nothing else, to a branch; it begins at HEAD where it is new.

    The index and the working tree stay as they are.

    Returns:
        The commit's id.

    Raises:
        RolloutError: Git refuses.
    """
    check_branch(place, branch)
    reference = f"refs/heads/{branch}"
    known = _run(place, "rev-parse", "--verify", "--quiet", reference)
    parent = known.stdout.strip() if known.returncode == 0 else _must(place, "rev-parse", "HEAD").strip()
    blob = _must(place, "hash-object", "-w", "--path", _path(place), "--", str(place.source)).strip()
    mode = "100755" if os.access(place.source, os.X_OK) else "100644"
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _must(place, "read-tree", parent, variables=index)
        _must(place, "update-index", "--add", "--cacheinfo", f"{mode},{blob},{_path(place)}", variables=index)
        tree = _must(place, "write-tree", variables=index).strip()
    if tree == _must(place, "rev-parse", f"{parent}^{{tree}}").strip():
        return parent
    made = _must(place, "commit-tree", tree, "-p", parent, "-m", message).strip()
    # Only if nobody has moved it meanwhile.
    _must(place, "update-ref", reference, made, known.stdout.strip() if known.returncode == 0 else "")
    return made


def _path(place: Place) -> str:
    """The stack file's path from the root of the repository."""
    answer = _run(place, "rev-parse", "--show-prefix")
    return f"{answer.stdout.strip() if answer.returncode == 0 else ''}{place.source.name}"


def _must(place: Place, *arguments: str, variables: dict[str, str] | None = None) -> str:
    answer = _run(place, *arguments, variables=variables)
    if answer.returncode:
        raise RolloutError(f"git {arguments[0]} failed: {' '.join(answer.stderr.split())}")
    return answer.stdout


def _run(place: Place, *arguments: str, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = ["git", *arguments]
    try:
        return subprocess.run(
            command,
            cwd=place.project,
            env={**place.environment, **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, _NO_GIT, stdout="", stderr="git is not on PATH")
