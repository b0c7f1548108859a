"""The real Pulumi works with what a bootstrap made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import boto3
import pytest

from tests import moto_server
from tests.infra.bootstrap.conftest import REGION, ROOT
from tools.environment import environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.tools

BUCKET = "inferstack-dev-state-111111111111"


def test_state_goes_to_the_bucket_and_secrets_through_the_key(tmp_path: Path) -> None:
    """With what `env` prints, Pulumi makes the stack in the bucket, and a secret comes back from the key."""
    (tmp_path / "Pulumi.yaml").write_text("name: inferstack\nruntime: yaml\nresources: {}\n", encoding="utf-8")
    with moto_server.serve("111111111111", tmp_path / "moto.log") as url:
        variables = os.environ | environment() | {"AWS_ENDPOINT_URL": url}

        def bootstrap(command: str) -> str:
            return subprocess.run(
                [sys.executable, "-m", "infra.bootstrap", command, "--stack", "dev", "--json"],
                cwd=ROOT,
                env=variables,
                check=True,
                capture_output=True,
                text=True,
            ).stdout

        def pulumi(*arguments: str) -> str:
            answer = subprocess.run(
                ["pulumi", *arguments, "--non-interactive"],
                cwd=tmp_path,
                env=variables,
                check=False,
                capture_output=True,
                text=True,
            )
            assert answer.returncode == 0, answer.stderr
            return answer.stdout

        bootstrap("apply")
        variables |= json.loads(bootstrap("env"))
        # A name in front of the server's leads to no server here.
        variables["PULUMI_BACKEND_URL"] += "&use_path_style=true"
        s3 = boto3.client("s3", region_name=REGION, endpoint_url=url)  # pyright: ignore[reportUnknownMemberType]  # of services without stubs
        # moto takes a denial with a condition for one without, and would refuse whatever Pulumi asks.
        s3.delete_bucket_policy(Bucket=BUCKET)

        pulumi("stack", "init", "dev", "--secrets-provider", variables["INFERSTACK_SECRETS_PROVIDER"])
        pulumi("config", "set", "--secret", "word", "open sesame")
        assert pulumi("config", "get", "word").strip() == "open sesame"
        written = (tmp_path / "Pulumi.dev.yaml").read_text(encoding="utf-8")
        assert "secretsprovider: awskms://alias/inferstack-dev-secrets" in written
        assert "open sesame" not in written
        keys = [each.get("Key") for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
        assert ".pulumi/stacks/inferstack/dev.json" in keys
