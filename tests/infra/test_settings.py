"""Settings: what a stack file may say, and what the user reads when it says something else."""

# YAML has no types to know.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from infra import settings
from infra.__main__ import main
from infra.catalogue import check_versions
from infra.settings import yaml_text
from infra.settings.errors import SettingsError
from model_build import manifest
from tests.model_build.receipts import make_receipt, write_receipt

ROOT = Path(__file__).parents[2]
STACK_FILE = ROOT / "Pulumi.local.yaml"
PREFIX = "inferstack:"


def _raw() -> dict[str, Any]:
    config = yaml.safe_load(STACK_FILE.read_text(encoding="utf-8"))["config"]
    return {key.removeprefix(PREFIX): value for key, value in config.items()}


def _error(raw: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as raised:
        settings.parse(raw, source=STACK_FILE)
    return str(raised.value)


def _set(raw: dict[str, Any], path: list[str | int], value: object) -> dict[str, Any]:
    changed = copy.deepcopy(raw)
    node: Any = changed
    for part in path[:-1]:
        node = node[part]
    last = path[-1]
    if isinstance(last, int):
        node[last : last + 1] = [value]
    else:
        node[last] = value
    return changed


STABLE: list[str | int] = ["services", 0, "release", "stable"]


def test_the_committed_stack_file_is_valid() -> None:
    """The stack file in the repository is accepted, and is the environment's name away from being applied."""
    assert settings.read("local", ROOT).services[0].name == "sentiment"


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        pytest.param(
            [*STABLE, "replicas"],
            "two",
            'release.stable.replicas: "two" is not allowed. Allowed: a whole number from 0 to 100.',
            id="text-for-a-number",
        ),
        pytest.param([*STABLE, "weight"], 101, "stable.weight: 101 is not allowed. Allowed:", id="out-of-range"),
        pytest.param([*STABLE, "replicas"], True, "stable.replicas: true is not allowed.", id="boolean-for-a-number"),
        pytest.param([*STABLE, "replica"], 2, "Did you mean 'replicas'?", id="unknown-key"),
        pytest.param([*STABLE, "version"], 0.1, "stable.version: 0.1 is not allowed.", id="number-for-text"),
        pytest.param(["services", 0, "pool"], "big", "no pool is named 'big'. Allowed: gpu.", id="unknown-pool"),
        pytest.param(["cluster", "kind"], "gke", 'cluster.kind: "gke" is not allowed. Allowed: eks', id="unknown-kind"),
        pytest.param(["cluster"], [], "Allowed: a mapping whose kind is eks or emb", id="list-for-mapping"),
        pytest.param(["clusterr"], {}, "clusterr: unknown key. Did you mean 'cluster'?", id="unknown-section"),
        pytest.param(["pools"], [], "pools: [] is not allowed. Allowed: a list of 1 or more.", id="empty-list"),
        pytest.param(["pools", 1], {"name": "b", "variant": "cpu"}, "pools[1]: the embedded cluster has one", id="two"),
        pytest.param(["services", 0, "resources", "cpu_limit"], "100m", "'100m' is less than cpu, '200m'.", id="limit"),
        pytest.param(["services", 0, "resources", "cpu"], "0", 'resources.cpu: "0" is not allowed.', id="no-cpu"),
        pytest.param(["services"], None, "services: null is not allowed. Allowed: a list.", id="nothing"),
    ],
)
def test_an_error_says_where_what_and_what_is_allowed(path: list[str | int], value: object, sentence: str) -> None:
    """A wrong value is answered by file, line, key, value and what is allowed."""
    message = _error(_set(_raw(), path, value))
    assert message.startswith("Pulumi.local.yaml:")
    assert sentence in message


def test_the_line_of_a_wrong_key_is_told() -> None:
    """The line in the message is the line of the key in the file."""
    lines = STACK_FILE.read_text(encoding="utf-8").splitlines()
    expected = next(number for number, line in enumerate(lines, 1) if line.strip().startswith("replicas:"))
    assert _error(_set(_raw(), [*STABLE, "replicas"], "two")).startswith(f"Pulumi.local.yaml:{expected}:")


def test_a_missing_key_is_named() -> None:
    """A key that must be there and is not is named, with what it may be."""
    raw = _raw()
    del raw["services"][0]["release"]["stable"]["weight"]
    assert "stable.weight: this key is missing. Allowed: a whole number from 0 to 100." in _error(raw)


def test_every_error_is_told_at_once() -> None:
    """Two mistakes are two lines: nobody mends a file one message at a time."""
    raw = _set(_set(_raw(), [*STABLE, "replicas"], "two"), ["gateway", "node_port"], 80)
    assert len(_error(raw).splitlines()) == 2


def test_names_may_not_be_used_twice() -> None:
    """Two services of one name would overwrite each other's objects."""
    raw = _raw()
    raw["services"].append(raw["services"][0])
    assert "services: the name 'sentiment' is used twice" in _error(raw)


@pytest.mark.parametrize("name", ["sentiment-candidate", "sentiment-baseline", "sentiment-shadow", "telemetry"])
def test_names_of_other_objects_are_taken(name: str) -> None:
    """A service is refused whose route or network policy would be another's."""
    raw = _raw()
    raw["services"].append({**raw["services"][0], "name": name})
    assert f"services[1].name: '{name}' " in _error(raw)


def test_a_release_of_no_slots_is_refused() -> None:
    """A blue/green release must fill one colour at least."""
    raw = _set(_raw(), ["services", 0, "release"], {"strategy": "blue_green"})
    assert "neither slot is filled. Allowed: blue, green or both." in _error(raw)


def _paths(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every mapping."""
    found = list[tuple[str | int, ...]]()
    if isinstance(node, dict):
        found.append(path)
        for key, value in node.items():
            found += _paths(value, (*path, key))
    if isinstance(node, list):
        for index, value in enumerate(node):
            found += _paths(value, (*path, index))
    return found


MAPPINGS = _paths(_raw())


@given(
    where=st.sampled_from(MAPPINGS),
    key=st.from_regex(r"[a-z][a-z_]{0,15}", fullmatch=True).map(lambda text: f"x_{text}"),
    value=st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.integers(), max_size=2)),
)
def test_an_unknown_key_fails_wherever_it_stands(where: tuple[str | int, ...], key: str, value: object) -> None:
    """No mapping of the file takes a key that the schema does not know; the message has the key's full path."""
    message = _error(_set(_raw(), [*where, key], value))
    assert message.split(": ")[1].endswith(key)
    assert "unknown key" in message


@given(value=st.one_of(st.text(), st.floats(allow_nan=False), st.booleans(), st.none(), st.lists(st.integers())))
def test_only_whole_numbers_are_replicas(value: object) -> None:
    """Nothing is turned into a number: not text, not a fraction, not a boolean."""
    if isinstance(value, float) and value.is_integer():
        return
    assert "stable.replicas" in _error(_set(_raw(), [*STABLE, "replicas"], value))


@given(
    path=st.sampled_from([[*STABLE, "version"], ["services", 0, "name"], ["cluster", "kind"], ["gateway", "address"]]),
    value=st.one_of(st.integers(), st.binary().map(str), st.dictionaries(st.text(), st.text(), max_size=2)),
)
def test_no_value_ends_in_a_traceback(path: list[str | int], value: object) -> None:
    """Whatever is written, the answer is settings or a sentence."""
    with contextlib.suppress(SettingsError):
        settings.parse(_set(_raw(), path, value), source=STACK_FILE)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("config: [", "not readable as YAML"),
        ("other: 1", "a mapping named 'config' is missing"),
        ("- 1", "a mapping named 'config' is missing"),
        ("config:\n  a: 1\n  b: {c: 1, c: 2}", r"Pulumi.local.yaml:3: the key 'c' is there twice, first in line 3"),
        (
            "config: {a: 2027-03-31}",
            r'local.yaml:1: 2027-03-31 is a date in YAML. Allowed: text in quotes, "2027-03-31"',
        ),
        ("config: {a: !!set {b}}", "a value of kind !!set is not allowed"),
        ("config: {a: .nan}", ".nan is not allowed"),
        ("config: {a: !!int b}", "not readable as YAML"),
        ("config: {[a]: b}", "a list or mapping is no key"),
        ("config: &a {b: *a}", "an alias leads to a value that it is a part of"),
        ("config: {a: b", "Pulumi.local.yaml:1: not readable as YAML: while parsing a flow mapping, expected"),
    ],
)
def test_a_file_that_is_no_stack_file_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    """A file that cannot be read as a stack file is answered by one sentence."""
    (tmp_path / "Pulumi.local.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=sentence):
        settings.read("local", tmp_path)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """A folder in its place stands for all that the system refuses, as root may read everything."""
    (tmp_path / "Pulumi.local.yaml").mkdir()
    with pytest.raises(SettingsError, match=r"Pulumi.local.yaml: not readable: Is a directory"):
        settings.read("local", tmp_path)


def test_aliases_and_merged_mappings_stay_allowed() -> None:
    """They are no second key, even where they give a key another value."""
    text = "a: &a {b: 1, c: 2}\nd: {<<: *a, c: 3}\ne: *a"
    assert yaml_text.load(text) == {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}, "e": {"b": 1, "c": 2}}


def test_an_unknown_stack_lists_the_known_ones() -> None:
    """A stack without a file is answered by the stacks that have one."""
    with pytest.raises(SettingsError, match=r"Pulumi\.nowhere\.yaml: no such stack file\. Stacks: .*local"):
        settings.read("nowhere", ROOT)


def test_the_committed_schema_is_the_models() -> None:
    """Editors check a stack file by docs/stack.schema.json, which must say what the models say."""
    committed = json.loads((ROOT / "docs/stack.schema.json").read_text(encoding="utf-8"))
    assert committed == settings.stack_file_schema(), "run: python -m infra schema --write"


def test_the_stack_file_names_its_schema() -> None:
    """The stack file's first line leads editors to the schema."""
    assert "$schema=docs/stack.schema.json" in STACK_FILE.read_text(encoding="utf-8").splitlines()[0]


def test_settings_load_without_pulumi() -> None:
    """Checking a stack file imports neither Pulumi nor torch, so that it takes milliseconds."""
    program = "import sys, infra.settings, infra.capacity, infra.routing, model_build.manifest; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    roots = {name.split(".")[0] for name in loaded.stdout.split()}
    assert roots.isdisjoint({"pulumi", "pulumi_kubernetes", "pulumi_docker_build", "torch", "numpy", "onnxruntime"})


def test_check_answers_with_an_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m infra check` ends with 1 and one sentence on standard error when the file is wrong."""
    (tmp_path / "Pulumi.local.yaml").write_text("config:\n  inferstack:cluster: 3\n", encoding="utf-8")
    monkeypatch.setattr("infra.__main__.ROOT", tmp_path)
    answer = CliRunner().invoke(main, ["check", "--stack", "local"])
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Pulumi.local.yaml:2: inferstack:cluster: 3 is not allowed.")
    assert not answer.stdout


def test_a_model_that_its_receipt_does_not_describe_is_refused(tmp_path: Path) -> None:
    """An image is built from a model only if the version's receipt names that model's digest."""
    model = tmp_path / ".state/models/sentiment/0.1.0"
    model.mkdir(parents=True)
    (model / "model.onnx").write_bytes(b"weights")
    manifest.create(model)
    receipt = make_receipt().model_copy(update={"model_digest": manifest.digest(model)})
    write_receipt(tmp_path / manifest.LOCAL_RECEIPTS, receipt)
    loaded = settings.read("local", ROOT)
    check_versions(loaded, source=STACK_FILE, root=tmp_path)

    (model / "model.onnx").write_bytes(b"others")
    manifest.create(model)
    sentence = r"Pulumi\.local\.yaml:\d+: .*stable\.version: .*not the one that its receipt describes"
    with pytest.raises(SettingsError, match=sentence):
        check_versions(loaded, source=STACK_FILE, root=tmp_path)


def test_a_model_that_is_not_here_is_named_with_what_builds_it(tmp_path: Path) -> None:
    """As in a fresh clone, where the receipt is committed and no model is built yet."""
    write_receipt(tmp_path / manifest.LOCAL_RECEIPTS, make_receipt())
    sentence = r"the model of sentiment 0\.1\.0 is not on this machine; build it with `python -m model_build build"
    with pytest.raises(SettingsError, match=sentence):
        check_versions(settings.read("local", ROOT), source=STACK_FILE, root=tmp_path)
