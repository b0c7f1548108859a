"""``python -m serving.healthcheck``: exit 0 when the service of this container is ready, else 1 with the reason."""

from __future__ import annotations

import http.client
import os
import sys

_TIMEOUT_SECONDS = 5.0


def main() -> int:
    """Ask /readyz of this machine; only the standard library, so that it starts in milliseconds."""
    port = os.environ.get("SERVING_PORT", "8080")
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=_TIMEOUT_SECONDS)
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = response.read().decode()
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.stderr.write(f"no answer on port {port}: {error}\n")
        return 1
    sys.stdout.write(body + "\n")
    return 0 if response.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
