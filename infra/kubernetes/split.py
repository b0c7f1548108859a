"""The rules of HTTPRoutes: which slot answers which request of a service.

What Contour 1.33 makes of an HTTPRoute decides their form. Envoy matches a header by regular expression over the whole
value; a rule with more headers comes before one with fewer, and of as many the one that is first in its HTTPRoute. A
mirror takes all requests of a rule. There is no session persistence, and a rule's ``retry`` is not read: Envoy is asked
to retry by headers that the rule adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra import routing
from infra.kubernetes.serving_pod import PORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pulumi

    from infra.routing import Backend
    from infra.settings import BlueGreenRelease, CanaryRelease

Rule = dict[str, Any]

_WHOLE: Final = 100
# Only where the pod has not had the request: nothing is asked twice.
# Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
_RETRY: Final = {"x-envoy-retry-on": "connect-failure,refused-stream,reset-before-request", "x-envoy-max-retries": "3"}


def of_release(
    service: str, release: CanaryRelease | BlueGreenRelease, services: Mapping[str, pulumi.Input[str]]
) -> list[Rule]:
    """The rules of a service's HTTPRoute.

    Args:
        service: its name.
        release: its release.
        services: the Kubernetes Service of each slot that has pods, and of the shadow where there is one.
    """
    by_weight = list(_backends(routing.backends(release), services))
    shadow = services.get(routing.SHADOW)
    sticky = [
        _rule(
            service,
            routing.MODEL_PATH,
            by_weight if share.slot is None else [_whole(services[share.slot])],
            headers=[_header("RegularExpression", routing.USER_BUCKET_HEADER, share.pattern)],
            mirror=shadow if share.mirrored else None,
        )
        for share in routing.shares(release)
    ]
    return [*sticky, *(_rule(service, path, by_weight) for path in routing.PUBLIC_PATHS)]


def of_testers(service: str, slot: str, backend: pulumi.Input[str]) -> list[Rule]:
    """The rules of an HTTPRoute of one slot, for who names it in a header; they come before those for users.

    Args:
        service: the service's name.
        slot: the slot's.
        backend: its Kubernetes Service.
    """
    named = _header("Exact", routing.SLOT_HEADER, slot)
    # More headers than the rules for users have: that decides, whatever the order of HTTPRoutes.
    users = [named, _header("RegularExpression", routing.USER_BUCKET_HEADER, ".*")]
    return [
        _rule(service, routing.MODEL_PATH, [_whole(backend)], headers=users),
        *(_rule(service, path, [_whole(backend)], headers=[named]) for path in routing.PUBLIC_PATHS),
    ]


def _backends(backends: Iterable[Backend], services: Mapping[str, pulumi.Input[str]]) -> Iterable[dict[str, Any]]:
    """Those with weight 0 too: Envoy knows them before they get requests, and forgets none that it still sends some."""
    return ({"name": services[each.slot], "port": PORT, "weight": each.weight} for each in backends)


def _whole(backend: pulumi.Input[str]) -> dict[str, Any]:
    return {"name": backend, "port": PORT, "weight": _WHOLE}


def _header(kind: str, name: str, value: str) -> dict[str, str]:
    return {"type": kind, "name": name, "value": value}


def _rule(
    service: str,
    path: str,
    backends: list[dict[str, Any]],
    *,
    headers: Sequence[dict[str, str]] = (),
    mirror: pulumi.Input[str] | None = None,
) -> Rule:
    """The gateway's ``/<service><path>`` is the pods' ``<path>``."""
    match: dict[str, Any] = {"path": {"type": "PathPrefix", "value": f"{routing.public_prefix(service)}{path}"}}
    if headers:
        match["headers"] = list(headers)
    filters: list[dict[str, Any]] = [
        {
            "type": "URLRewrite",
            "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": path}},
        },
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {
                "set": [{"name": name, "value": value} for name, value in _RETRY.items()],
                "remove": [routing.SHADOW_HEADER],
            },
        },
    ]
    if mirror is not None:
        filters.append({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": mirror, "port": PORT}}})
    return {"matches": [match], "filters": filters, "backendRefs": backends}
