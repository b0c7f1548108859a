"""Where a release happens: the stack, its file, what is kept of it, and the environment in which Pulumi works on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra import settings
from rollout.errors import ExitCode, RolloutError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A service of a stack.

    Attributes:
        stack: the stack's name.
        service: the service's name.
        project: the folder with Pulumi.yaml and the stack files.
        environment: of Pulumi and of all that works on the stack.
    """

    stack: str
    service: str
    project: Path
    environment: Mapping[str, str]

    @property
    def source(self) -> Path:
        """The stack file."""
        return settings.stack_file(self.stack, self.project)

    @property
    def folder(self) -> Path:
        """What the command keeps of the stack."""
        return self.project / ".state" / "rollout" / self.stack

    def read(self) -> str:
        """The text of the stack file.

        Raises:
            SettingsError: it is not there.
        """
        try:
            # With its line ends as they are.
            return self.source.read_bytes().decode("utf-8")
        except FileNotFoundError:
            settings.read(self.stack, self.project)  # says which stacks there are
            raise
        except UnicodeDecodeError as error:
            raise settings.SettingsError(f"{self.source.name}: not readable as YAML: {error}") from None

    def write(self, text: str) -> None:
        """Put a text in the place of the stack file's, all of it or nothing, and wait until the disk has it."""
        mode = self.source.stat().st_mode
        with tempfile.NamedTemporaryFile("wb", dir=self.project, prefix=f".{self.source.name}.", delete=False) as file:
            file.write(text.encode())
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(file.name).replace(self.source)
        folder = os.open(self.project, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def settings_of(self, text: str) -> settings.Settings:
        """The settings in a text.

        Raises:
            SettingsError: it is not what they allow.
        """
        return settings.parse_text(text, source=self.source)

    def service_of(self, text: str) -> settings.Service:
        """The service in a text.

        Raises:
            SettingsError: the text is not what the settings allow.
            RolloutError: it has no such service.
        """
        services = self.settings_of(text).services
        found = next((each for each in services if each.name == self.service), None)
        if found is None:
            known = ", ".join(each.name for each in services) or "none"
            sentence = f"{self.source.name}: no service is named {self.service!r}. Services: {known}"
            raise RolloutError(sentence, code=ExitCode.USAGE)
        return found


def find(stack: str, service: str | None, project: Path) -> Place:
    """The place that a user names.

    Args:
        stack: its name.
        service: its name; may be left out where there is one only.
        project: the folder with Pulumi.yaml.

    Raises:
        SettingsError: the stack file is not there, or not what the settings allow.
        RolloutError: no such service, or no project.
    """
    project = project.resolve()
    if not (project / "Pulumi.yaml").is_file():
        raise RolloutError(f"{project} has no Pulumi.yaml", code=ExitCode.USAGE)
    if not re.fullmatch(r"[A-Za-z0-9._-]+", stack):
        settings.read(stack, project)  # says what is wrong
    names = [each.name for each in settings.read(stack, project).services]
    if service is None and len(names) != 1:
        known = ", ".join(names) or "none"
        raise RolloutError(f"say which service: --service NAME. Services: {known}", code=ExitCode.USAGE)
    place = Place(stack=stack, service=service or names[0], project=project, environment=_environment(stack, project))
    place.service_of(place.read())
    return place


def _environment(stack: str, project: Path) -> Mapping[str, str]:
    """The caller's, with what the stack `local` adds where the caller has named no backend."""
    own = dict(os.environ)
    if stack != _LOCAL or "PULUMI_BACKEND_URL" in own:
        return own
    answer = subprocess.run(
        [sys.executable, "-m", "local.stack", "env", "--json"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise RolloutError(f"the stack local is not at hand: {answer.stderr.strip()}")
    own.pop("PULUMI_CONFIG_PASSPHRASE", None)  # one of the user's own stacks would win over the file
    return {**own, **json.loads(answer.stdout)}
