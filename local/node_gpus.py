"""Keeps the real node's simulated GPUs: a supervised process that watches the node and puts its capacity right.

A kubelet that starts sets the capacity of resources that no device plugin offers to zero, so once is not enough.
"""

import sys
import time
from pathlib import Path

import click

from local.api import Api, ApiError, Json

RESOURCE = "nvidia.com/gpu"
WATCH_SECONDS = 600
RETRY_SECONDS = 1.0


def offered(node: Json) -> tuple[str | None, str | None]:
    """Return the node's GPU capacity and allocatable GPUs as Kubernetes writes them."""
    status = node.get("status", {})
    return status.get("capacity", {}).get(RESOURCE), status.get("allocatable", {}).get(RESOURCE)


def correct(api: Api, node: Json, *, gpus: int) -> bool:
    """Patch the node's status if it does not offer the number of GPUs; tell whether it was patched."""
    wanted = str(gpus)
    if offered(node) == (wanted, wanted):
        return False
    amount = {RESOURCE: wanted}
    api.merge(
        f"/api/v1/nodes/{node['metadata']['name']}/status", {"status": {"capacity": amount, "allocatable": amount}}
    )
    return True


@click.command()
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--node", required=True, help="Name of the node.")
@click.option("--gpus", type=int, required=True, help="How many GPUs the node offers.")
def main(kubeconfig: Path, node: str, gpus: int) -> None:
    """Watch NODE for ever and keep its number of simulated GPUs."""
    api = Api(kubeconfig)
    while True:
        try:
            for state in api.watch("/api/v1/nodes", name=node, seconds=WATCH_SECONDS):
                if state.get("kind") == "Node" and correct(api, state, gpus=gpus):
                    click.echo(f"{node} offers {gpus} {RESOURCE}")
        except ApiError as error:
            click.echo(str(error), err=True)
            time.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
