"""Every command that a document tells people to type, typed; those of the README in tests/local/test_lifecycle.py.

`aws` goes to moto, Pulumi and kubectl to a rehearsal: the engine, the rules and the API server are real there, the AWS
plugin is a stand-in. `aws eks get-token` and kubectl mean the rehearsal's API server, for moto has none.
"""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs import blocks, moto, runbooks

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "aws.md"
ACCOUNTS = {"dev": "111111111111", "prod": "333333333333"}

# moto obeys a "Deny" whatever its condition says, here that the request came without TLS.
WITHOUT_BUCKET_POLICY = "aws s3api delete-bucket-policy --bucket inferstack-{stack}-state-{account} 2>/dev/null || true"

# The stack is there and its state is in its own bucket, as after its first update.
STATE_IS_IN_ITS_BUCKET = """
.venv/bin/python -m infra.bootstrap apply --stack prod
aws s3api delete-bucket-policy --bucket inferstack-prod-state-333333333333
pulumi stack export --stack prod --show-secrets --file "$TMPDIR/prod.json"
eval "$(.venv/bin/python -m infra.bootstrap env --stack prod)"
pulumi stack init prod --secrets-provider "$INFERSTACK_SECRETS_PROVIDER"
pulumi stack import --stack prod --file "$TMPDIR/prod.json"
"""


def _aws(folder: Path) -> None:
    """The AWS command line as the documents use it."""
    program = folder / "aws"
    real = Path(sys.executable).with_name("aws")
    program.write_text(
        "#!/bin/sh\n"
        'case " $* " in\n'
        '*" eks get-token "*) exec "$REHEARSED_AWS" "$@" ;;\n'
        '*" eks update-kubeconfig "*) export KUBECONFIG="$TMPDIR/of-moto" ;;\n'
        "esac\n"
        f'exec "{real}" "$@"\n',
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def _program(folder: Path) -> Path:
    """A copy of the files that are no state, as a repository that commands may change, with this checkout's tools."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    for name in (".tools", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def _typed(
    stack: str, documents: Sequence[Path], tmp_path: Path, *, prelude: str = "", options: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the documents' commands where the stack is rehearsed."""
    wrappers = tmp_path / "bin"
    wrappers.mkdir()
    _aws(wrappers)
    found = [block for document in documents for block in blocks.read(document)]
    with moto.served(ACCOUNTS[stack], tmp_path) as environment:
        moto.fill(environment, stack=stack)
        without_policy = WITHOUT_BUCKET_POLICY.format(stack=stack, account=ACCOUNTS[stack])
        exports = [f"export {name}={value}" for name, value in environment.items()]
        script = tmp_path / "commands.sh"
        script.write_text(
            "\n".join(
                [
                    "set -euo pipefail",
                    'export REHEARSED_AWS="$(command -v aws)"',
                    f'export PATH="{wrappers}:$PATH"',
                    *exports,
                    prelude,
                    blocks.script(found, ROOT, before_each=without_policy),
                ]
            ),
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "rehearsal", "shell", "--stack", stack]
        command += ["--program", str(_program(tmp_path / "program")), *options, "--", "bash", str(script)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)


@pytest.mark.tools
def test_the_guide(tmp_path: Path) -> None:
    """From the settings of `dev` over the bootstrap to an update, and a second look."""
    answer = _typed("dev", [GUIDE], tmp_path, options=["--empty"])
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-4000:]
    assert "== end" in answer.stderr


@pytest.mark.tools
def test_the_runbooks(tmp_path: Path) -> None:
    """On a `prod` that is there: EKS upgrade, lost state, database restore."""
    answer = _typed("prod", runbooks.of_operations(), tmp_path, prelude=STATE_IS_IN_ITS_BUCKET)
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-4000:]
    assert "== end" in answer.stderr
