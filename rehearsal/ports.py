"""TCP ports on 127.0.0.1 that no other rehearsal takes."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from local.plan import port_is_free
from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

# After the embedded cluster's, and below the range that the kernel gives to outgoing connections.
_FIRST, _LAST, _BLOCK = 24000, 27999, 20


@contextlib.contextmanager
def reserved(names: Sequence[str]) -> Generator[dict[str, int]]:
    """Give each name a free port of a block; the block's first port is held, so that it belongs to one rehearsal.

    Raises:
        RehearsalError: every block is taken, or has a port that something else listens on.
    """
    for first in range(_FIRST, _LAST, _BLOCK):
        with socket.socket() as claim:
            try:
                claim.bind(("127.0.0.1", first))
                claim.listen()
            except OSError:
                continue
            ports = {name: first + 1 + index for index, name in enumerate(names)}
            if all(port_is_free(port) for port in ports.values()):
                yield ports
                return
    raise RehearsalError(
        f"no {len(names)} free TCP ports in a row are left on 127.0.0.1 between {_FIRST} and {_LAST}:"
        " end some of the programs that listen there"
    )
