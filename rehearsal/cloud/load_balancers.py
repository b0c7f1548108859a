"""A stand-in for the load balancer controller: Services of that type get an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.api import Api

_HOST = "rehearsal.elb.example.com"


class LoadBalancers:
    """The load balancers of Services."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def step(self) -> None:
        """Give each new Service of type LoadBalancer a host name, as AWS does."""
        for service in self._api.get("/api/v1/services")["items"]:
            if service["spec"].get("type") != "LoadBalancer" or service["status"].get("loadBalancer", {}).get(
                "ingress"
            ):
                continue
            namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
            self._api.merge(
                f"/api/v1/namespaces/{namespace}/services/{name}/status",
                {"status": {"loadBalancer": {"ingress": [{"hostname": f"{name}.{namespace}.{_HOST}"}]}}},
            )
