# ruff: noqa: INP001  # a program of the engine's, no module
"""A service as inferstack declares it, in files instead of a cluster: what is there is a JSON file in WORLD.

A file `hold` in WORLD stops whatever begins to change a route, for some seconds at most, and is answered by a file
`held`. A file `drift` adds a resource that belongs to no service; one named `broken-VERSION` lets no pod of that
version become ready.
"""

import json
import os
import pathlib
import time
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

WORLD = pathlib.Path(os.environ["WORLD"])
HELD_SECONDS = 4.0


class Files(ResourceProvider):
    """A file for each resource."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Write it."""
        return CreateResult(id_=props["file"], outs=_put(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Write it anew."""
        return UpdateResult(outs=_put(news))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove it."""
        import os  # noqa: PLC0415  # the provider is another process, which is given this code alone
        import pathlib  # noqa: PLC0415

        (pathlib.Path(os.environ["WORLD"]) / f"{_id}.json").unlink(missing_ok=True)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Whether anything differs."""
        keys = [key for key in news if key != "__provider" and news[key] != olds.get(key)]
        return DiffResult(changes=bool(keys), replaces=[], stables=[], delete_before_replace=False)


def _put(props: dict[str, Any]) -> dict[str, Any]:
    import json  # noqa: PLC0415  # as above
    import os  # noqa: PLC0415
    import pathlib  # noqa: PLC0415

    world = pathlib.Path(os.environ["WORLD"])
    if props["kind"] == "route" and (world / "hold").exists():
        (world / "held").touch()
        end = time.monotonic() + HELD_SECONDS
        while (world / "hold").exists() and time.monotonic() < end:
            time.sleep(0.02)
    if props["kind"] == "slot" and (world / f"broken-{props['version']}").exists():
        raise RuntimeError("the pods did not become ready")
    (world / f"{props['file']}.json").write_text(json.dumps({k: v for k, v in props.items() if k != "__provider"}))
    return props


class HTTPRoute(Resource, module="gateway", name="HTTPRoute"):
    """The split."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(Files(), name, {"kind": "route", **props}, opts)


class Deployment(Resource, module="apps", name="Deployment"):
    """A slot's pods."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(Files(), name, {"kind": "slot", **props}, opts)


# Of its own: the default one takes all configuration for its own, and would change with each step.
provider = pulumi.ProviderResource("pulumi-python", "files", {})
config: dict[str, str] = json.loads(os.environ["PULUMI_CONFIG"])
services = json.loads(config["inferstack:services"])
releases: dict[str, Any] = {}
for service in services:
    name, release = service["name"], service["release"]
    component = pulumi.ComponentResource("inferstack:kubernetes:ServiceRelease", name)
    child = pulumi.ResourceOptions(parent=component, provider=provider)
    names = [slot for slot in ("stable", "candidate", "blue", "green") if slot in release]
    slots = [
        Deployment(
            f"{name}-{slot}", {"file": f"slot-{name}-{slot}", "service": name, "slot": slot, **release[slot]}, child
        )
        for slot in names
    ]
    weights = {slot: release[slot]["weight"] for slot in names}
    route = {"file": f"route-{name}", "service": name, "weights": weights, "release": json.dumps(release)}
    HTTPRoute(name, route, pulumi.ResourceOptions(parent=component, provider=provider, depends_on=slots))
    releases[name] = {"strategy": release["strategy"], "slots": {slot: release[slot] for slot in names}}
if (WORLD / "drift").exists():
    props = {"file": "other", "service": "-", "slot": "-", "version": (WORLD / "drift").read_text(), "replicas": 1}
    Deployment("other", props, pulumi.ResourceOptions(provider=provider))
pulumi.export("endpoints", {service["name"]: f"{os.environ['GATEWAY']}/{service['name']}" for service in services})
pulumi.export("releases", releases)
