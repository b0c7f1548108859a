"""Terraform as a function: a folder in, what the provider said out."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.contracts.terraform.mirror import PROVIDER, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tests.contracts.terraform.mirror import Installation

REQUIRED = {"terraform": {"required_providers": {"aws": {"source": PROVIDER, "version": VERSION}}}}
# Resources wait for each other on moto, and hardly compute.
PARALLELISM = 40
# A step that takes longer waits for something that moto will never say.
STEP_SECONDS = 420
SETTINGS = "mirror.tfrc"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An error that Terraform or the provider reported.

    Attributes:
        address: of the resource that it is about, ``aws_vpc.main``; empty if it is about none.
        file: where the resource is declared; empty if Terraform did not say.
        text: what was wrong.
    """

    address: str
    file: str
    text: str


class Terraform:
    """A folder with a configuration, and its state."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        """Prepare an empty folder.

        Args:
            installation: the program and the mirror.
            folder: exists; everything is written there.
        """
        self.folder = folder
        self._program = installation.terraform
        settings = folder / SETTINGS
        settings.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{installation.mirror}"\n  }}\n}}\n',
            encoding="utf-8",
        )
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))},
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            # Whatever does not go to moto goes nowhere.
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.write("terraform", REQUIRED)

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a file of the configuration.

        Args:
            name: without its suffix.
            document: in Terraform's JSON syntax.
        """
        (self.folder / f"{name}.tf.json").write_text(json.dumps(document, indent=1), encoding="utf-8")

    def init(self) -> None:
        """Install the provider into the folder: a link to the mirror."""
        self._run("init", "-input=false", "-no-color")

    def schema(self) -> dict[str, Any]:
        """What the provider says of its resources."""
        return json.loads(self._run("providers", "schema", "-json"))

    def validate(self) -> list[Refusal]:
        """Have the provider check names, types and values that are known without an account."""
        document = json.loads(self._run("validate", "-json", accept=(0, 1)))
        return _refusals(document["diagnostics"])

    def plan(self, *options: str) -> list[Refusal]:
        """Have the provider plan.

        Args:
            options: more of ``terraform plan``'s.

        Returns:
            What was refused; empty if the plan is in ``plan.bin``.
        """
        return self._stream("plan", "-out=plan.bin", *options)

    def planned(self) -> dict[str, Any]:
        """The last plan, as ``terraform show -json`` has it."""
        return json.loads(self._run("show", "-json", "plan.bin"))

    def state(self) -> dict[str, Any]:
        """The state, as Terraform keeps it."""
        return json.loads((self.folder / "terraform.tfstate").read_text(encoding="utf-8"))

    def apply(self, *options: str) -> list[Refusal]:
        """Apply the configuration; returns what failed."""
        return self._stream("apply", "-auto-approve", *options)

    def destroy(self) -> list[Refusal]:
        """Delete all; returns what failed."""
        return self._stream("destroy", "-auto-approve")

    def _stream(self, command: str, *options: str) -> list[Refusal]:
        output = self._run(command, "-json", "-input=false", f"-parallelism={PARALLELISM}", *options, accept=(0, 1))
        messages = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        return _refusals(message["diagnostic"] for message in messages if message["type"] == "diagnostic")

    def _run(self, *arguments: str, accept: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [self._program, *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
        )
        if done.returncode not in accept:
            raise RuntimeError(f"terraform {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout


def _refusals(diagnostics: Iterable[Mapping[str, Any]]) -> list[Refusal]:
    return [
        Refusal(
            address=each.get("address", ""),
            file=each.get("range", {}).get("filename", ""),
            text=f"{each['summary']}: {each.get('detail', '')}".strip(": "),
        )
        for each in diagnostics
        if each["severity"] == "error"
    ]
