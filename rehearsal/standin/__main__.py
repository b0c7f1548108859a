"""`python -m rehearsal.standin aws`: serve a stand-in plugin to the engine, which starts it by itself."""

import os
import sys

from rehearsal.standin.provider import Provider
from rehearsal.standin.server import serve
from rehearsal.standin.told import NotToldError, read

_PACKAGES = ("aws", "docker-build")


def main(arguments: list[str]) -> int:
    """Serve until the engine ends the process; `arguments` are the package and the engine's address."""
    if not arguments or arguments[0] not in _PACKAGES:
        sys.stderr.write(f"usage: python -m rehearsal.standin {{{','.join(_PACKAGES)}}} [ENGINE]\n")
        return 2
    try:
        told = read(os.environ)
    except NotToldError as error:
        sys.stderr.write(f"stand-in for {arguments[0]}: {error}\n")
        return 1
    server = serve(Provider(arguments[0], told), arguments[1] if len(arguments) > 1 else "")
    server.wait_for_termination()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
