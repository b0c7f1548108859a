"""The little of the Kubernetes API that the cluster's own start needs, over the standard library: small and fast."""

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from local.errors import ClusterError

TIMEOUT_SECONDS = 10.0

Json = dict[str, Any]


class ApiError(ClusterError):
    """The API server refused a request or did not answer; `status` is 0 for the latter."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def _identity(config: Json) -> tuple[str, ssl.SSLContext]:
    """Return the server's address and a context that knows the server and shows the user's certificate."""
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pem:  # the standard library loads keys from files only
        pem.write(base64.b64decode(user["client-certificate-data"]))
        pem.write(base64.b64decode(user["client-key-data"]))
        pem.flush()
        context.load_cert_chain(pem.name)
    return urlsplit(str(cluster["server"])).netloc, context


class Api:
    """A client of one API server, with the identity of a kubeconfig written by this package."""

    def __init__(self, kubeconfig: Path) -> None:
        """Read the kubeconfig.

        Raises:
            ClusterError: it is damaged.
        """
        try:
            self._address, self._context = _identity(json.loads(kubeconfig.read_text()))
        except (ValueError, LookupError, ssl.SSLError) as error:
            raise ClusterError(f"{kubeconfig} is damaged ({error}): run `make down`, then `make up`") from error

    def get(self, path: str) -> Json:
        """Return the object at a path such as /api/v1/nodes/NAME."""
        return self._request("GET", path)

    def exists(self, path: str) -> bool:
        """Tell whether there is an object at a path."""
        try:
            self.get(path)
        except ApiError as error:
            if error.status == http.client.NOT_FOUND:
                return False
            raise
        return True

    def merge(self, path: str, patch: Json) -> Json:
        """Apply a strategic merge patch and return the object."""
        return self._request("PATCH", path, patch, content_type="application/strategic-merge-patch+json")

    def apply(self, path: str, manifest: Json) -> Json:
        """Create the object named by the path's end, or make it so (server-side apply as `inferstack-local`)."""
        query = "?fieldManager=inferstack-local&force=true"
        named = {**manifest, "metadata": {**manifest.get("metadata", {}), "name": path.rpartition("/")[2]}}
        return self._request("PATCH", path + query, named, content_type="application/apply-patch+yaml")

    def delete(self, path: str) -> Json:
        """Delete the object at a path and return what the server says of it."""
        return self._request("DELETE", path)

    def text(self, path: str) -> str:
        """Return what a path answers that is no JSON, such as a pod's log."""
        connection = self._connect(timeout=TIMEOUT_SECONDS)
        try:
            return self._send(connection, "GET", path, None, None).read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"GET {path}: {error}") from error
        finally:
            connection.close()

    def watch(self, path: str, *, name: str, seconds: int) -> Iterator[Json]:
        """Yield one named object of a collection: now, and each time that it changes, for at most so many seconds."""
        query = f"?watch=true&fieldSelector=metadata.name%3D{name}&timeoutSeconds={seconds}"
        connection = self._connect(timeout=seconds + TIMEOUT_SECONDS)
        try:
            response = self._send(connection, "GET", path + query, None, None)
            while line := response.readline():
                yield cast("Json", json.loads(line)["object"])
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(f"watch of {path}: {error}") from error
        finally:
            connection.close()

    def _request(self, method: str, path: str, body: Json | None = None, content_type: str | None = None) -> Json:
        connection = self._connect(timeout=TIMEOUT_SECONDS)
        try:
            return cast("Json", json.loads(self._send(connection, method, path, body, content_type).read()))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(f"{method} {path}: {error}") from error
        finally:
            connection.close()

    def _connect(self, *, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._address, timeout=timeout, context=self._context)

    def _send(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: Json | None,
        content_type: str | None,
    ) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json"}
        if content_type:
            headers["Content-Type"] = content_type
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        if response.status >= http.client.BAD_REQUEST:
            raise ApiError(
                f"{method} {path}: status {response.status}: {response.read(500).decode(errors='replace')}",
                status=response.status,
            )
        return response
