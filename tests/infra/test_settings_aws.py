"""Settings of the AWS stacks: what the three files say, and the sentence for each thing that they must not say."""

# YAML has no types to know.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from infra import capacity, instance_types, settings
from infra.__main__ import main
from infra.settings import PoolNodes, Profile, SettingsError, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
STACKS = ("dev", "staging", "prod")
Path_ = tuple[str | int, ...]


def _raw(stack: str) -> dict[str, Any]:
    config = yaml.safe_load(settings.stack_file(stack, ROOT).read_text(encoding="utf-8"))["config"]
    return {key.removeprefix("inferstack:"): value for key, value in config.items()}


def _changed(stack: str, path: Sequence[str | int], value: object) -> dict[str, Any]:
    raw = copy.deepcopy(_raw(stack))
    node: Any = raw
    for part in path[:-1]:
        node = node[part]
    if value is None:
        del node[path[-1]]
    elif isinstance(path[-1], int):
        node[path[-1] : path[-1] + 1] = [value]
    else:
        node[path[-1]] = value
    return raw


def _error(raw: dict[str, Any], stack: str = "prod") -> str:
    with pytest.raises(SettingsError) as raised:
        settings.parse(raw, source=settings.stack_file(stack, ROOT))
    return str(raised.value)


@pytest.mark.parametrize("stack", STACKS)
def test_the_committed_stack_files_are_valid(stack: str) -> None:
    """Each names its own account, and its services fit their pools also at the height of a release."""
    loaded = settings.read(stack, ROOT)
    assert capacity.shortage(loaded, source=settings.stack_file(stack, ROOT)) is None
    for pool in capacity.pools(loaded):
        assert pool.at_most is not None
        assert pool.at_release <= pool.at_most


def test_the_environments_are_apart() -> None:
    """Accounts and address ranges differ, so that no stack can touch another's, and networks can be peered."""
    loaded = [settings.read(stack, ROOT).aws for stack in STACKS]
    accounts = [aws.account for aws in loaded if aws]
    networks = [ipaddress.ip_network(aws.network.cidr) for aws in loaded if aws]
    assert len(set(accounts)) == len(STACKS)
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)


POOL: Path_ = ("pools", 0)
NODES: Path_ = (*POOL, "nodes")
SERVICE: Path_ = ("services", 0)
NETWORK: Path_ = ("aws", "network")


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        pytest.param((*NODES, "instance_type"), "g7.xlarge", 'type: "g7.xlarge" is not allowed. Allowed: g4dn', id="t"),
        pytest.param((*NODES, "min"), 10, "pools[0].nodes.min: 10 is above max, 9. Allowed: at most max", id="min"),
        pytest.param((*NODES, "max"), 0, "pools[0].nodes.max: 0 is not allowed. Allowed: a whole number", id="max"),
        pytest.param((*NODES, "capacity"), "cheap", 'nodes.capacity: "cheap" is not allowed. Allowed: "on', id="spot"),
        pytest.param(NODES, None, "pools[0]: the key nodes is missing", id="no-nodes"),
        pytest.param((*POOL, "name"), "system", "no pool is named 'gpu'. Allowed: system.", id="pool"),
        pytest.param(
            ("pools", 1),
            {"name": "system", "variant": "cpu", "nodes": {"instance_type": "g6.xlarge", "min": 0, "max": 1}},
            "pools[1].name: 'system' is the name of cluster.system_nodes. Allowed: any other name",
            id="system",
        ),
        pytest.param(("pools", 1), {"name": "gpu", "variant": "cpu"}, "pools: the name 'gpu' is used twice", id="two"),
        pytest.param((*SERVICE, "profile"), None, "services[0]: the key profile is missing; pool 'gpu'", id="profile"),
        pytest.param((*POOL, "variant"), "cpu", "profile: not allowed: pool 'gpu' runs cpu", id="profile-on-cpu"),
        pytest.param((*SERVICE, "resources", "gpus"), 2, "gpus: 2 is more than an instance of pool 'gpu'", id="gpus"),
        pytest.param(
            (*SERVICE, "profile", "workspace_mib"), 16384, "16384 is too much for L4, 24 GiB. Allowed: up to", id="mib"
        ),
        pytest.param(
            (*SERVICE, "profile", "batch"), {"min": 1, "opt": 64, "max": 32}, "opt: 64 is not between min", id="shape"
        ),
        pytest.param(
            (*NETWORK, "cidr"),
            "10.17.128.0/17",
            "other_networks.staging: 10.17.0.0/16 overlaps with cidr, 10.17.128.0/17. Allowed: ranges that share no",
            id="overlap",
        ),
        pytest.param((*NETWORK, "cidr"), "10.18.0.0/24", "cidr: 10.18.0.0/24 is too large or too small", id="size"),
        pytest.param((*NETWORK, "cidr"), "10.18.0.1/16", "10.18.0.1/16 is no range of addresses (", id="host-bits"),
        pytest.param((*NETWORK, "cidr"), "10.18.0.0", 'cidr: "10.18.0.0" is not allowed. Allowed: text', id="no-cidr"),
        pytest.param((*NETWORK, "nat"), "single", 'nat: "single" is not allowed in production. Allowed:', id="nat"),
        pytest.param(
            (*NETWORK, "zones", 1), "eu-west-1b", 'zones[1]: "eu-west-1b" is not in eu-central-1. Allowed:', id="zone"
        ),
        pytest.param((*NETWORK, "zones", 1), "eu-central-1a", "zones: 'eu-central-1a' is named twice", id="same-zone"),
        pytest.param((*NETWORK, "zones"), ["eu-central-1a"], 'zones: ["eu-central-1a"] is not allowed', id="one-zone"),
        pytest.param(("aws", "account"), 333333333333, "aws.account: 333333333333 is not allowed. All", id="number"),
        pytest.param(("aws", "account"), "3333", 'aws.account: "3333" is not allowed. Allowed: text (in', id="account"),
        pytest.param(("aws", "tier"), "prod", 'tier: "prod" is not allowed. Allowed: "development", "st', id="tier"),
        pytest.param(("aws",), None, "the key inferstack:aws is missing. Allowed: a mapping", id="no-aws"),
        pytest.param(("aws", "registry", "account"), "333333333333", 'account: "333333333333" is this st', id="own"),
        pytest.param(("aws", "database", "backup_days"), 36, "backup_days: 36 is not allowed. All", id="backup"),
        pytest.param(("aws", "database", "version"), "9.6", 'version: "9.6" is not allowed. Allowed:', id="postgres"),
        pytest.param(("aws", "ingress", "domain"), "a.example.org", "is not in the hosted zone. Allowed: <", id="dom"),
        pytest.param(("aws", "ci", "repository"), "inferstack", 'repository: "inferstack" is not allowed.', id="repo"),
        pytest.param(("aws", "ci", "repository_ids"), "123", 'repository_ids: "123" is not allowed.', id="repo-ids"),
        # The session of a role shows no second factor, so a role could never take the emergency role.
        pytest.param(
            ("aws", "break_glass", "principals"),
            ["arn:aws:iam::333333333333:role/on-call"],
            '"arn:aws:iam::333333333333:role/on-call" is not allowed.',
            id="role-in-an-emergency",
        ),
        pytest.param(("aws", "break_glass", "until"), "soon", 'until: "soon" is not allowed.', id="date"),
        pytest.param(
            ("cluster", "public_access"),
            ["198.51.100.0/24"],
            "cluster.public_access: a public endpoint is not allowed in production. Allowed: []",
            id="public-endpoint",
        ),
        pytest.param(("cluster", "public_access"), ["0.0.0.0/0"], '"0.0.0.0/0" is everybody.', id="everybody"),
        pytest.param(("cluster", "version"), "1.20", 'version: "1.20" is not allowed.', id="version"),
        pytest.param(("cluster", "system_nodes", "min"), 0, "system_nodes.min: 0 is not allowed.", id="no-system"),
        pytest.param(("cluster", "system_nodes", "instance_type"), "g6.xlarge", "Allowed: m6i.large", id="system-type"),
        pytest.param(
            ("cluster", "images", "envoy"), "envoy:latest", 'envoy: "envoy:latest" is not allowed.', id="no-digest"
        ),
    ],
)
def test_an_error_names_the_key_and_what_is_allowed(path: Path_, value: object, sentence: str) -> None:
    """What prod must not say is answered in one sentence with the file, the key and what is allowed."""
    message = _error(_changed("prod", path, value))
    assert message.startswith("Pulumi.prod.yaml")
    assert sentence in message
    assert len(message.splitlines()) == 1


def test_a_single_database_is_no_production_database() -> None:
    """Production has a standby."""
    message = _error(_changed("prod", ("aws", "database", "multi_az"), value=False))
    assert "aws.database.multi_az: false is not allowed in production. Allowed: true." in message


def test_aws_is_for_eks_only() -> None:
    """The embedded cluster takes no account, and no node groups."""
    raw = _raw("local") | {"aws": _raw("dev")["aws"]}
    assert "aws: not allowed with cluster.kind 'embedded'. Allowed: with 'eks'." in _error(raw, "local")
    raw = _raw("local")
    raw["pools"][0]["nodes"] = _raw("dev")["pools"][0]["nodes"]
    assert "pools[0].nodes: not allowed with cluster.kind 'embedded'. Allowed: with 'eks'." in _error(raw, "local")


@given(name=st.sampled_from(sorted(instance_types.GPU_TYPES)), precision=st.sampled_from(["fp32", "fp16", "bf16"]))
def test_a_precision_needs_an_architecture_that_has_it(name: str, precision: Any) -> None:  # noqa: ANN401  # a Literal
    """bf16 came with sm80; T4 is sm75 and is refused."""
    gpu = instance_types.find(name).gpu
    shape = Shape(min=1, opt=1, max=1)
    assert gpu is not None
    misfit = Profile(precision=precision, batch=shape, length=shape, workspace_mib=64).misfit(gpu)
    assert (misfit is not None) == (precision == "bf16" and gpu.compute_capability < 80)


def test_a_precision_that_the_pool_lacks_is_an_error() -> None:
    """The sentence names GPU, architecture and what it can."""
    message = _error(_changed("dev", ("services", 0, "profile", "precision"), "bf16"), "dev")
    assert 'profile.precision: "bf16" needs sm80, and T4 is sm75. Allowed: fp32, fp16.' in message


@given(least=st.integers(0, 100), most=st.integers(1, 100))
def test_a_node_group_never_starts_above_its_maximum(least: int, most: int) -> None:
    """Every pair with min at most max is accepted, no other is."""
    accepted = True
    try:
        PoolNodes(instance_type="g6.xlarge", min=least, max=most)
    except ValueError:
        accepted = False
    assert accepted == (least <= most)


def test_check_counts_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More replicas than the pool may ever hold are an error of the file, before any preview."""
    text = settings.stack_file("prod", ROOT).read_text(encoding="utf-8").replace("replicas: 3", "replicas: 50")
    (tmp_path / "Pulumi.prod.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "releases").symlink_to(ROOT / "releases")
    monkeypatch.setattr("infra.__main__.ROOT", tmp_path)
    answer = CliRunner().invoke(main, ["check", "--stack", "prod"])
    assert answer.exit_code == 1
    assert "pool 'gpu': the services ask for 50 GPUs (sentiment 50)" in answer.stderr
