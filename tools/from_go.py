"""Builds tools from Go modules."""

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path

from tools.commands import Job
from tools.errors import ToolError
from tools.model import GoBuild, ModuleFile, PatchedGoBuild
from tools.place import copy, move

_EXECUTABLE = 0o755
_READABLE = 0o644


class GoBuilder:
    """Builds one tool with one Go compiler, into a scratch folder first."""

    def __init__(self, source: GoBuild, job: Job, *, go: Path) -> None:
        """Use the compiler at `go`."""
        self._source = source
        self._job = job
        self._go = str(go)
        self._module = job.layout.modules / (source.module or job.tool.name)
        # Static, so that a tool runs in any image and on any host; the module alone says what is built.
        fixed = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
        self._environment = {**os.environ, **fixed}

    def build(self) -> list[Path]:
        """Build the tool and put it and its files in place.

        Returns:
            The files that were put in place.

        Raises:
            ToolError: a download or the build failed.
        """
        programs = self._compile() if self._source.packages else []
        return [*programs, *(placed for file in self._source.copies for placed in self._copy(file))]

    def _compile(self) -> list[Path]:
        made = self._job.scratch / "bin"
        made.mkdir()
        command = [self._go, *self._arguments(made, self._overlay())]
        self._job.run(command, cwd=self._module, environment=self._environment)
        programs = [self._job.layout.root / self._source.into / name for name in self._job.tool.programs]
        for program in programs:
            built = made / program.name
            if not built.exists():
                there = ", ".join(sorted(path.name for path in made.iterdir()))
                raise ToolError(f"{self._job.tool.name}: the build made {there}, not {program.name}")
            move(built, program)
        return programs

    def _arguments(self, made: Path, overlay: Path) -> list[str]:
        stamp = [f"-X {name}={value}" for name, value in sorted(self._source.stamp.items())]
        # One executable gets its tool's name, whatever the package is called; several get their packages' names.
        output = f"{made}{os.sep}" if len(self._source.packages) > 1 else str(made / self._job.tool.name)
        return [
            *("build", "-p", "2", "-trimpath", "-buildvcs=false", "-overlay", str(overlay), *self._patch()),
            *("-ldflags", " ".join(["-s", "-w", *stamp])),
            *(["-tags", ",".join(self._source.tags)] if self._source.tags else []),
            *("-o", output, *self._source.packages),
        ]

    def _overlay(self) -> Path:
        replace = {str(self._module / file.to): str(self._in_module(file)) for file in self._source.overlay}
        overlay = self._job.scratch / "overlay.json"
        overlay.write_text(json.dumps({"Replace": replace}))
        return overlay

    def _patch(self) -> list[str]:
        """Copy the module that has a file replaced; returns what makes the build take the copy."""
        if not isinstance(self._source, PatchedGoBuild):
            return []
        patch = self._source.patch
        module = self._job.scratch / "module"
        shutil.copytree(self._in_module(dataclasses.replace(patch, path="")), module, copy_function=shutil.copyfile)
        (module / patch.path).write_bytes((self._module / patch.to).read_bytes())
        required = (self._module / "go.mod").read_text()
        modfile = self._job.scratch / "go.mod"
        modfile.write_text(f"{required}\nreplace {patch.module} => {module}\n")
        shutil.copyfile(self._module / "go.sum", modfile.with_name("go.sum"))
        return ["-modfile", str(modfile)]

    def _copy(self, file: ModuleFile) -> list[Path]:
        origin = self._in_module(file)
        target = self._job.layout.root / file.to
        if not origin.is_dir():
            copy(origin, target, mode=_EXECUTABLE if target.parent == self._job.layout.bin else _READABLE)
            return [target]
        targets: list[Path] = []
        for path in sorted(origin.glob("*.yaml")):
            if path.name != "kustomization.yaml":
                copy(path, target / path.name, mode=_READABLE)
                targets.append(target / path.name)
        return targets

    def _in_module(self, file: ModuleFile) -> Path:
        """Return where a module's file lies in Go's module cache; the module is downloaded if need be."""
        command = [self._go, "mod", "download", "-json", file.module]
        answer = subprocess.run(
            command, cwd=self._module, env=self._environment, capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            output = answer.stdout + answer.stderr
            self._job.log.write_text(output)
            raise ToolError(self._job.failure(command, status=answer.returncode, output=output))
        return Path(json.loads(answer.stdout)["Dir"]) / file.path
