"""The command line: what a user reads, and the exit codes of what is refused before anything starts."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rehearsal.__main__ import main
from rehearsal.errors import ExitCode

CHECKOUT = Path(__file__).parents[2]


def test_help_tells_the_exit_codes() -> None:
    """Each code with its meaning."""
    text = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    for code in ExitCode:
        assert f"{code.value} " in text
    assert "3 a rule forbids it" in text


def test_help_takes_no_time() -> None:
    """Neither Pulumi nor an AWS library is loaded to print it."""
    program = (
        "import sys; import rehearsal.__main__; print([n for n in ('pulumi', 'boto3', 'grpc') if n in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stack", "nope"], "Pulumi.nope.yaml: no such stack file. Stacks: dev, local, prod, staging"),
        (["--stack", "prod", "--from", "nope"], "--from 'nope': git knows no such branch, tag or commit here"),
        (["--stack", "prod", "--json", "-", "--markdown", "-"], "cannot both write to the standard output"),
        ([], "Missing option '--stack'"),
        (["--stack", "../prod"], "'../prod' is no stack name"),
        (["--stack", "prod", "--json", "."], "'.' cannot be written. Allowed: a file that you may write"),
        (["--stack", "prod", "--markdown", "/dev/null/x.md"], "'/dev/null/x.md' cannot be written"),
    ],
)
def test_wrong_usage_is_one_sentence_with_code_2(arguments: list[str], said: str) -> None:
    """Before anything is started."""
    answer = CliRunner().invoke(main, ["run", *arguments])
    assert answer.exit_code == ExitCode.USAGE
    assert said in answer.output


def test_a_wrong_setting_is_one_sentence_with_code_2(tmp_path: Path) -> None:
    """With its key and what is allowed, as everywhere."""
    text = (CHECKOUT / "Pulumi.prod.yaml").read_text().replace("g6.xlarge", "g6.tiny")
    (tmp_path / "Pulumi.prod.yaml").write_text(text)
    answer = CliRunner().invoke(main, ["run", "--stack", "prod", "--program", str(tmp_path)])
    assert answer.exit_code == ExitCode.USAGE
    assert 'inferstack:pools[0].nodes.instance_type: "g6.tiny" is not allowed. Allowed: g4dn.xlarge' in answer.output


def test_prices_are_shown_with_date_and_source() -> None:
    """A region that the table lacks is one sentence with what to do."""
    answer = CliRunner().invoke(main, ["prices"])
    assert answer.exit_code == 0
    assert answer.output.startswith("USD, 20")
    assert "ec2/g6.xlarge" in answer.output
    answer = CliRunner().invoke(main, ["prices", "--region", "mars-north-1"])
    assert answer.exit_code == ExitCode.USAGE
    assert "the table has no prices of it. Regions there: eu-central-1, us-east-1" in answer.output
