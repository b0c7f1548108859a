"""What Pulumi is given in a rehearsal, and what not."""

from pathlib import Path

import pytest

from rehearsal import folder
from rehearsal.folder import Folder
from rehearsal.pulumi import Pulumi


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    """A rehearsal's folder."""
    with folder.claim(tmp_path, "prod") as claimed:
        return claimed


def test_no_variable_of_the_caller_reaches_the_program(place: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither credentials nor a profile, nor the home in which they would be looked for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GITHUB_TOKEN", "PULUMI_ACCESS_TOKEN", "AWS_ROLE_ARN"):
        monkeypatch.setenv(name, "the caller's")
    environment = Pulumi(place, stack="prod", home=place.pulumi, path="/usr/bin").environment
    assert "the caller's" not in environment.values()
    assert environment["HOME"] == str(place.home)
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert environment["PATH"].split(":") == [str(place.bin), "/usr/bin"]
