"""The part of `kubectl` that the command uses, on the files that the test program keeps instead of a cluster."""

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import range_queries  # beside this file, of which this is a script

WORLD = Path(os.environ["WORLD"])


def _objects(kind: str, service: str) -> list[dict[str, Any]]:
    files = sorted(WORLD.glob(f"{kind}-{service}*.json"))
    return [_OBJECTS[kind](json.loads(file.read_text())) for file in files]


def _deployment(slot: dict[str, Any]) -> dict[str, Any]:
    replicas = int(slot["replicas"])
    status = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), replicas)
    labels = {"inferstack.dev/slot": slot["slot"]}
    template = {"metadata": {"labels": {"app.kubernetes.io/version": slot["version"]}}}
    return {
        "metadata": {"generation": 1, "labels": labels},
        "spec": {"replicas": replicas, "template": template},
        "status": {"observedGeneration": 1, **status},
    }


def _route(route: dict[str, Any]) -> dict[str, Any]:
    backends = [{"name": f"{route['service']}-{slot}", "weight": int(w)} for slot, w in route["weights"].items()]
    conditions = [{"type": "Accepted", "status": "True"}, {"type": "ResolvedRefs", "status": "True"}]
    return {
        "metadata": {"generation": 1},
        "spec": {"rules": [{"matches": [{"path": {"value": "/"}}], "backendRefs": backends}]},
        "status": {"parents": [{"conditions": conditions}]},
    }


_OBJECTS = {"slot": _deployment, "route": _route}

PROMETHEUS = WORLD / "prometheus.json"
if "--raw" in sys.argv and not PROMETHEUS.exists():
    sys.exit("Error from server (ServiceUnavailable): no endpoints available for service")
if "--raw" in sys.argv:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(sys.argv[-1]).query).items()}
    start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
    stored = json.loads(PROMETHEUS.read_text())
    found = range_queries.answer(stored["series"], stored["since"], asked["query"], start, end, step)
    print(json.dumps({"data": {"result": found}}))  # noqa: T201  # what kubectl is for
    sys.exit()
what = "slot" if "deployments" in sys.argv else "route"
[label] = [argument for argument in sys.argv if argument.startswith("inferstack.dev/service=")]
print(json.dumps({"items": _objects(what, label.partition("=")[2])}))  # noqa: T201  # what kubectl is for
