"""Keeps the real node's simulated GPUs and its pool: a supervised process that watches the node and puts them right.

A kubelet that starts sets the capacity of resources that no device plugin offers to zero, so once is not enough. And a
kubelet labels a node only when it registers it, so the label of a pool that may be renamed is not the kubelet's.
"""

import sys
import time
from pathlib import Path

import click

from local.api import Api, ApiError, Json

RESOURCE = "nvidia.com/gpu"
POOL_LABEL = "inferstack.dev/pool"
WATCH_SECONDS = 600
RETRY_SECONDS = 1.0


def offered(node: Json) -> tuple[str | None, str | None]:
    """Return the node's GPU capacity and allocatable GPUs as Kubernetes writes them."""
    status = node.get("status", {})
    return status.get("capacity", {}).get(RESOURCE), status.get("allocatable", {}).get(RESOURCE)


def is_correct(node: Json, *, gpus: int, pool: str) -> bool:
    """Tell whether the node offers the number of GPUs in the pool."""
    return offered(node) == (str(gpus), str(gpus)) and node["metadata"].get("labels", {}).get(POOL_LABEL) == pool


def correct(api: Api, node: Json, *, gpus: int, pool: str) -> bool:
    """Patch the node if it does not offer the number of GPUs in the pool; tell whether it was patched."""
    if is_correct(node, gpus=gpus, pool=pool):
        return False
    amount = {RESOURCE: str(gpus)}
    patch = {"metadata": {"labels": {POOL_LABEL: pool}}, "status": {"capacity": amount, "allocatable": amount}}
    # A node's status takes labels too, as kubelets do it: one request, and no right to change more of the node.
    api.merge(f"/api/v1/nodes/{node['metadata']['name']}/status", patch)
    return True


@click.command()
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--node", required=True, help="Name of the node.")
@click.option("--gpus", type=int, required=True, help="How many GPUs the node offers.")
@click.option("--pool", required=True, help="The pool that the node is labelled with.")
def main(kubeconfig: Path, node: str, gpus: int, pool: str) -> None:
    """Watch NODE for ever and keep its number of simulated GPUs and its pool."""
    api = Api(kubeconfig)
    while True:
        try:
            for state in api.watch("/api/v1/nodes", name=node, seconds=WATCH_SECONDS):
                if state.get("kind") == "Node" and correct(api, state, gpus=gpus, pool=pool):
                    click.echo(f"{node} offers {gpus} {RESOURCE} in pool {pool}")
        except ApiError as error:
            click.echo(str(error), err=True)
            time.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
