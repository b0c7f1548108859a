"""Where Alertmanager finds its receivers: what its configuration says and what its pod mounts must be the same."""

from __future__ import annotations

from typing import Final

from infra import naming

ALERT_LOG: Final = "alert-log"
"""Name of the pod that receivers of kind ``log`` are, and of its Service."""
ALERT_LOG_PORT: Final = 8080
ALERT_LOG_URL: Final = f"http://{ALERT_LOG}.{naming.MONITORING_NAMESPACE}.svc:{ALERT_LOG_PORT}/alerts"
URL_FIELD: Final = "url"
"""The key of a secret under which a receiver's URL is, and the name of the file that it becomes."""
_FOLDER: Final = "/var/run/secrets/inferstack"


def volume(receiver: str) -> str:
    """The name of the volume of Alertmanager's pod that has the secret of a receiver."""
    return f"receiver-{receiver}"


def secret_folder(receiver: str) -> str:
    """Where that volume is in the container."""
    return f"{_FOLDER}/{volume(receiver)}"


def url_file(receiver: str) -> str:
    """The file in Alertmanager's container that holds the URL of a receiver whose URL is a secret."""
    return f"{secret_folder(receiver)}/{URL_FIELD}"
