"""What Contour may read and write.

Source: examples/contour/02-role-contour.yaml of v1.33.8, less what :mod:`infra.kubernetes.definitions` switches off.
"""

from __future__ import annotations

from infra.kubernetes.access import READ, may

_GATEWAY = "gateway.networking.k8s.io"
_CONTOUR = "projectcontour.io"

EVERYWHERE = (
    may(READ, ("configmaps", "namespaces", "secrets", "services")),
    may(READ, ("endpointslices",), group="discovery.k8s.io"),
    may(READ, ("ingresses",), group="networking.k8s.io"),
    may(READ, ("gatewayclasses", "gateways", "httproutes", "referencegrants"), group=_GATEWAY),
    may(("update",), ("gatewayclasses/status", "gateways/status", "httproutes/status"), group=_GATEWAY),
    may(
        READ,
        ("contourconfigurations", "extensionservices", "httpproxies", "tlscertificatedelegations"),
        group=_CONTOUR,
    ),
    may(
        ("create", "get", "update"),
        ("contourconfigurations/status", "extensionservices/status", "httpproxies/status"),
        group=_CONTOUR,
    ),
)
# Leases: of two Contours one writes the status of routes.
IN_ITS_NAMESPACE = (
    may(("create", "get", "update"), ("events",)),
    may(("create", "get", "update"), ("leases",), group="coordination.k8s.io"),
)
OF_THE_CERTIFICATE_JOB = (may(("create", "update"), ("secrets",)),)
