"""Dashboards for Grafana, derived from a stack's settings: pure, without Pulumi and without a Grafana."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.settings import Settings


def dashboards(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return Grafana's JSON of each dashboard of a stack, by the name of its file.

    A service has two of its own, since the lines in them are its own objective's: how it does, and how its release
    does. Equal settings give equal dashboards.

    Args:
        settings: the stack's, checked.
    """
    # Grafana's models take some 15 ms to load: only who wants dashboards waits for them.
    from infra.dashboards.overview import overview_dashboard  # noqa: PLC0415
    from infra.dashboards.pool import pool_dashboard  # noqa: PLC0415
    from infra.dashboards.release import release_dashboard  # noqa: PLC0415
    from infra.dashboards.service import service_dashboard  # noqa: PLC0415

    absent = _gpus_absent(settings)
    found = [overview_dashboard(), pool_dashboard(gpus_absent=absent)]
    for service in settings.services:
        found += [service_dashboard(service, gpus_absent=absent), release_dashboard(service)]
    return {f"{board['uid']}.json": board for board in found}


def _gpus_absent(settings: Settings) -> str | None:
    """Why no GPU of a stack has metrics, as the end of a sentence; None where DCGM's exporter reads them."""
    from infra.slo import gpu_alerts  # noqa: PLC0415  # as above

    if gpu_alerts.present(settings):
        return None
    if settings.cluster.kind == "embedded":
        return "the GPUs of this cluster are simulated, and only real ones have metrics"
    return "nothing of this program reads the GPUs of an existing cluster"
