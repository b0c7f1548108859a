from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from infra.dashboards.__main__ import main
from tests.infra.dashboards.boards import boards

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_rendered_is_what_the_program_declares(tmp_path: Path) -> None:
    """A person who brings a Grafana of their own imports the very files that the stack would mount."""
    answer = CliRunner().invoke(main, ["render", "--stack", "prod", "--out", str(tmp_path / "new")])
    assert answer.exit_code == 0, answer.output
    written = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in (tmp_path / "new").iterdir()}
    assert written == boards("prod")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["render", "--stack", "nowhere", "--out", "{tmp}"], "Pulumi.nowhere.yaml"),
        (["render", "--out", "{tmp}/file/below"], "Allowed: --out with a folder that can be made and written"),
        (["pictures", "--prometheus", "http://127.0.0.1:1", "--out", "{tmp}"], "no Prometheus answers at"),
        (["pictures", "--prometheus", "127.0.0.1:9090", "--out", "{tmp}"], "Allowed: the URL of a running one"),
    ],
)
def test_what_a_user_got_wrong_is_one_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    """A stack, a folder or an address that is not there: exit status 1 and what is allowed, no traceback."""
    (tmp_path / "file").touch()
    answer = CliRunner().invoke(main, [argument.replace("{tmp}", str(tmp_path)) for argument in arguments])
    assert answer.exit_code == 1
    assert sentence in answer.stderr
    assert "Traceback" not in answer.output
