"""The tools as `make tools` left them in this checkout: they start, they work together."""

import dataclasses
import io
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from tools import environment
from tools.build import build
from tools.catalogue import GO, NEEDED
from tools.layout import default_layout
from tools.probe import Probe
from tools.status import Origin, status_of, survey

pytestmark = pytest.mark.tools

LAYOUT = default_layout()
OWN_CODE = ["pause", "pulumi/pulumi-language-python", "collector"]

PROGRAM = """
import pulumi
import pulumi_kubernetes as kubernetes

rendered = kubernetes.Provider("rendered", render_yaml_to_directory="rendered")
settings = kubernetes.core.v1.ConfigMap(
    "settings",
    metadata={"name": "settings"},
    data={"colour": pulumi.Config().get("colour") or "blue"},
    opts=pulumi.ResourceOptions(provider=rendered),
)
pulumi.export("colour", settings.data["colour"])
"""

POLICY = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def no_red(args, report):
    if args.resource_type == "kubernetes:core/v1:ConfigMap" and args.props["data"]["colour"] == "red":
        report("red is not allowed")

PolicyPack(
    "colours",
    policies=[
        ResourceValidationPolicy(
            name="no-red", description="Red.", validate=no_red, enforcement_level=EnforcementLevel.MANDATORY
        )
    ],
)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A Pulumi project with a policy pack, both run by this Python environment."""
    runtime = f"runtime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
    (tmp_path / "policies").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text(f"name: probe\n{runtime}")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / "policies" / "PulumiPolicy.yaml").write_text(runtime)
    (tmp_path / "policies" / "__main__.py").write_text(POLICY)
    return tmp_path


def run(command: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in the tools' environment, with a Pulumi state in the folder."""
    variables = {"PULUMI_BACKEND_URL": f"file://{cwd}/state", "PULUMI_CONFIG_PASSPHRASE": "", "CGO_ENABLED": "0"}
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment(), **variables}, capture_output=True, text=True, check=False
    )


def test_everything_is_there() -> None:
    """After `make tools` no tool is missing, and every program is an executable file."""
    for status in survey(LAYOUT, Probe(LAYOUT)):
        assert status.ready, f"{status.tool.name}: {status.remark or 'missing'}; run `make tools`"
        assert all(os.access(program, os.X_OK) for program in status.programs)


def test_manifests_came_along() -> None:
    """The manifests that the cluster and the gateway apply lie under `.tools/share`, one object or more in each."""
    found = {file.name for folder in ("contour", "kwok/stages") for file in (LAYOUT.share / folder).glob("*.yaml")}
    assert {"contour-crds.yaml", "gateway-api-crds.yaml", "node-initialize.yaml", "pod-ready.yaml"} <= found
    assert "kind: CustomResourceDefinition" in (LAYOUT.share / "contour" / "gateway-api-crds.yaml").read_text()


def test_contours_definitions_need_no_contour(tmp_path: Path) -> None:
    """An existing cluster gets the definitions from the module's files, and nothing is compiled for them."""
    layout = dataclasses.replace(LAYOUT, root=tmp_path / ".tools")
    (tool,) = (tool for tool in NEEDED["existing"] if tool.name == "contour-definitions")
    said = io.StringIO()
    (status,) = build(layout, [tool], Console(file=said, width=1000))
    assert status.ready
    assert f"contour-definitions {tool.version}  installing" in said.getvalue()
    assert {file.name for file in (layout.share / "contour").iterdir()} == {
        "contour-crds.yaml",
        "gateway-api-crds.yaml",
    }


def test_program_provider_and_policies_work_together(project: Path) -> None:
    """Engine, language host, provider and policy pack: what a mandatory rule allows is applied, what it forbids is not.

    The refusal names the rule, at preview and at update, and changes nothing.
    """
    packed = ["--policy-pack", "policies", "--non-interactive"]
    assert run(["pulumi", "stack", "init", "probe", "--non-interactive"], project).returncode == 0
    update = run(["pulumi", "up", "--yes", *packed], project)
    assert update.returncode == 0, update.stdout + update.stderr
    assert run(["pulumi", "stack", "output", "colour"], project).stdout == "blue\n"
    assert run(["pulumi", "preview", "--expect-no-changes", *packed], project).returncode == 0

    assert run(["pulumi", "config", "set", "colour", "red"], project).returncode == 0
    for command in (["preview"], ["up", "--yes", "--skip-preview"]):
        refused = run(["pulumi", *command, *packed], project)
        assert refused.returncode != 0
        assert "no-red" in refused.stdout
        assert "red is not allowed" in refused.stdout
    assert list((project / "rendered").rglob("*.yaml"))
    assert all("red" not in file.read_text() for file in (project / "rendered").rglob("*.yaml"))


def test_a_program_that_fails_is_reported_once(project: Path) -> None:
    """An exception in the program ends the update with its message and without the host's own."""
    (project / "__main__.py").write_text('raise ValueError("not this way")\n')
    run(["pulumi", "stack", "init", "probe", "--non-interactive"], project)
    refused = run(["pulumi", "preview", "--non-interactive"], project)
    assert refused.returncode != 0
    assert "ValueError: not this way" in refused.stdout + refused.stderr
    assert "non-zero exit code" not in refused.stdout + refused.stderr


def test_a_missing_virtual_environment_is_explained(project: Path) -> None:
    """A virtualenv that does not exist is named, with the commands that make it."""
    (project / "Pulumi.yaml").write_text("name: probe\nruntime:\n  name: python\n  options: {virtualenv: nowhere}\n")
    run(["pulumi", "stack", "init", "probe", "--non-interactive"], project)
    refused = run(["pulumi", "preview", "--non-interactive"], project)
    assert refused.returncode != 0
    assert "nowhere" in refused.stdout + refused.stderr
    assert "python3 -m venv" in refused.stdout + refused.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_pause_waits_and_ends_on_a_signal(number: signal.Signals) -> None:
    """The sandbox process stays until it is told to end, and then ends well."""
    process = subprocess.Popen([LAYOUT.bin / "pause"])
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(number)
    assert process.wait(10) == 0


def test_tools_are_static() -> None:
    """What is built from Go needs no library, so that it runs in an image of one file."""
    for status in survey(LAYOUT, Probe(LAYOUT)):
        if status.origin is Origin.BUILT:
            for program in status.programs:
                assert b"/ld-linux" not in program.read_bytes(), f"{program} is linked dynamically"


@pytest.mark.parametrize("name", OWN_CODE)
def test_own_go_code(name: str) -> None:
    """The Go code in this repository passes `go vet` and its own tests."""
    go = str(status_of(GO, LAYOUT, Probe(LAYOUT)).programs[0])
    folder = LAYOUT.modules / name
    for command in ([go, "vet", "."], [go, "test", "."]):
        checked = run(command, folder)
        assert checked.returncode == 0, checked.stdout + checked.stderr
