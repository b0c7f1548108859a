"""cluster.json: what the rest of the product reads of the embedded cluster; there while the cluster is ready."""

import json
from typing import Any, cast

from local.options import ClusterOptions
from local.paths import NAME, Paths, write_private
from local.plan import Plan


def write(paths: Paths, plan: Plan, options: ClusterOptions) -> None:
    """Say that the cluster is ready, and what a client needs to use it."""
    content = {
        "kubeconfig": str(paths.kubeconfig),
        "context": NAME,
        "registry": plan.registry,
        "builder": NAME,
        "node": NAME,
        "gpus": options.gpus,
        "pool": options.pool,
        "gateway_port": options.gateway_port,
    }
    write_private(paths.ready_file, json.dumps(content, indent=2))


def read(paths: Paths) -> dict[str, Any] | None:
    """Return the file's content; None where there is none, or none that can be read."""
    try:
        content: object = json.loads(paths.ready_file.read_text())
    except (OSError, ValueError):
        return None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else None


def was_made_with(content: dict[str, Any], options: ClusterOptions) -> bool:
    """Tell whether the cluster that a record describes has these options."""
    return (content.get("gpus"), content.get("pool"), content.get("gateway_port")) == (
        options.gpus,
        options.pool,
        options.gateway_port,
    )
