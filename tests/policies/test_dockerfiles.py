"""What the rule `image-build-base` cannot see: the `FROM` lines of this repository's Dockerfiles."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from policies.images import is_base_argument

ROOT = Path(__file__).parents[2]
_LISTED = subprocess.run(["git", "ls-files", "*Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=True)
DOCKERFILES = _LISTED.stdout.split()


def test_there_are_dockerfiles() -> None:
    """The images of service, gateway and base are all built from files of this repository."""
    assert "serving/Dockerfile" in DOCKERFILES


@pytest.mark.parametrize("name", DOCKERFILES)
def test_each_stage_starts_from_nothing_a_base_argument_or_a_stage(name: str) -> None:
    """No Dockerfile names an image by itself, so the rule sees every image that a build starts from.

    ``binary`` is a named context of the build, a layer that ``make images`` made of a built tool.
    """
    text = (ROOT / name).read_text()
    starts = re.findall(r"^FROM\s+(\S+)(?:\s+AS\s+(\S+))?\s*$", text, re.MULTILINE | re.IGNORECASE)
    assert len(starts) == len(re.findall(r"^\s*FROM\s", text, re.MULTILINE | re.IGNORECASE)) > 0
    stages = {"scratch", "binary"}
    for image, stage in starts:
        argument = re.fullmatch(r"\$\{(\w+)\}", image)
        assert image in stages or (argument and is_base_argument(argument.group(1))), f"{name}: FROM {image}"
        stages.add(stage)
