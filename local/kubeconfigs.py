"""Kubeconfig files: one for each client of the API server, with its certificate inside."""

import base64
import json
from pathlib import Path

from local.paths import NAME, Paths, write_private
from local.plan import Plan

# Each has a certificate of the same name. The user's own is `admin`.
CLIENTS = ("controller-manager", "scheduler", "kubelet", "proxy", "coredns", "kwok", "node-gpus")


def write_all(paths: Paths, plan: Plan) -> None:
    """Write the user's kubeconfig and those of the components; all of mode 600."""
    write_private(paths.kubeconfig, kubeconfig(pki=paths.pki, server=plan.apiserver_url, client="admin"))
    for client in CLIENTS:
        write_private(paths.kubeconfigs / client, kubeconfig(pki=paths.pki, server=plan.apiserver_url, client=client))


def kubeconfig(*, pki: Path, server: str, client: str, context: str = NAME) -> str:
    """Return a kubeconfig (JSON, which is YAML) of one context, with certificates embedded so that it can be copied."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": context,
                "cluster": {"server": server, "certificate-authority-data": _encoded(pki / "ca.crt")},
            }
        ],
        "users": [
            {
                "name": client,
                "user": {
                    "client-certificate-data": _encoded(pki / f"{client}.crt"),
                    "client-key-data": _encoded(pki / f"{client}.key"),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": client}}],
        "current-context": context,
    }
    return json.dumps(config, indent=2)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
