"""Probes: functions that return when a component answers as it should, and raise when it does not (yet)."""

import functools
import http.client
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

Probe = Callable[[], None]
TIMEOUT_SECONDS = 2.0


class NotReady(Exception):  # noqa: N818 - a state, not an error: the caller asks again
    """The component does not answer yet; the text says what it did answer."""


def http_ok(url: str) -> Probe:
    """Return a probe that wants status 200 over plain HTTP."""
    return functools.partial(_get, url, None)


def https_ok(url: str, *, authority: Path, client: Path | None = None) -> Probe:
    """Return a probe that wants status 200 over TLS; `client` names a certificate and key without their suffixes."""

    def probe() -> None:
        try:
            context = ssl.create_default_context(cafile=str(authority))
            if client:
                context.load_cert_chain(f"{client}.crt", f"{client}.key")
        except OSError as error:
            raise NotReady(f"{authority}: {error}") from error
        _get(url, context)

    return probe


def socket_answers(path: Path) -> Probe:
    """Return a probe that wants a Unix socket to accept a connection."""

    def probe() -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT_SECONDS)
            try:
                client.connect(str(path))
            except OSError as error:
                raise NotReady(f"{path}: {error}") from error

    return probe


def _get(url: str, context: ssl.SSLContext | None) -> None:
    parts = urlsplit(url)
    address = parts.netloc
    connection = (
        http.client.HTTPSConnection(address, timeout=TIMEOUT_SECONDS, context=context)
        if context
        else http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)
    )
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        body = response.read(500)
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"{url}: {error}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise NotReady(f"{url}: status {response.status}: {body.decode(errors='replace').strip()}")
