"""Programs to compare with: the checkout with another stack file, or with another entry point."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

GROWN = "dev"
_OWN = frozenset({".git", ".state", ".tools", ".venv", "releases", "__main__.py", "__pycache__"})

# The imports of the real program, and one resource.
_ONE_BUCKET = '''
"""One bucket, by a program that loads what the platform's loads."""

import gc

gc.disable()

from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra import settings
from infra.aws import foundation, provider
from infra.stack import Stack

loaded = settings.from_pulumi(pulumi.get_stack(), Path(__file__).parent)
pinned = provider.pinned_provider(loaded.aws, pulumi.get_stack())
aws.s3.Bucket("only", opts=pulumi.ResourceOptions(provider=pinned))
'''


def one_bucket(root: Path, folder: Path) -> Path:
    """A program with the same imports as the platform's that declares one bucket.

    Args:
        root: the checkout.
        folder: where to put it; must not exist.

    Returns:
        The folder.
    """
    _link(root, folder)
    (folder / "releases").symlink_to(root / "releases")
    (folder / "__main__.py").write_text(_ONE_BUCKET.lstrip(), encoding="utf-8")
    return folder


def grown(root: Path, folder: Path, *, services: int, pools: int) -> Path:
    """The platform with more services and pools, in the place of the stack :data:`GROWN`.

    Args:
        root: the checkout, whose stack `dev` is multiplied.
        folder: where to put it; must not exist.
        services: how many; they are spread over the pools.
        pools: how many, each of so many nodes that its services fit.

    Returns:
        The folder.
    """
    _link(root, folder)
    (folder / "__main__.py").symlink_to(root / "__main__.py")
    document = yaml.safe_load((root / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    config: dict[str, Any] = document["config"]
    (service,), (pool,) = config["inferstack:services"], config["inferstack:pools"]
    config["inferstack:pools"] = [_pool(pool, index, nodes=services + 1) for index in range(pools)]
    config["inferstack:services"] = [
        {**copy.deepcopy(service), "name": f"service-{index}", "pool": f"gpu-{index % pools}"}
        for index in range(services)
    ]
    (folder / f"Pulumi.{GROWN}.yaml").write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
    _receipts(root, folder, service, services)
    return folder


def _pool(pool: dict[str, Any], index: int, *, nodes: int) -> dict[str, Any]:
    return {**pool, "name": f"gpu-{index}", "nodes": {**pool["nodes"], "max": min(nodes, 100)}}


def _receipts(root: Path, folder: Path, service: dict[str, Any], services: int) -> None:
    version = service["release"]["stable"]["version"]
    receipt = json.loads((root / "releases" / service["name"] / f"{version}.json").read_text(encoding="utf-8"))
    for index in range(services):
        file = folder / "releases" / f"service-{index}" / f"{version}.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({**receipt, "service": f"service-{index}"}), encoding="utf-8")


def _link(root: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    for entry in root.iterdir():
        if entry.name not in _OWN and entry.name != f"Pulumi.{GROWN}.yaml":
            (folder / entry.name).symlink_to(entry)
