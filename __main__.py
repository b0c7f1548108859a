"""The entry point of `pulumi up`: settings in, the platform out."""

import atexit
import gc
from pathlib import Path

# The program lives for seconds. Looking for cycles among all that Pulumi imports takes a tenth of a preview; the
# interpreter would look once more when it ends, but not at what is frozen.
gc.disable()
atexit.register(gc.freeze)

import pulumi  # noqa: E402  # after the lines above, which are about this one

from infra import settings  # noqa: E402
from infra.settings.errors import SettingsError  # noqa: E402
from infra.stack import Stack  # noqa: E402


def _say_nothing(*_: object, **__: object) -> None:
    """Stand in for `pulumi.log.debug`.

    The SDK tells the engine of each step of each registration, four a resource, and waits each time, although the
    engine shows them to those alone who ask for `--debug`.
    """


pulumi.log.debug = _say_nothing

try:
    environment, root = pulumi.get_stack(), Path(__file__).parent
    stack = Stack(settings.from_pulumi(environment, root), environment=environment, root=root)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

for name, value in stack.outputs.items():
    pulumi.export(name, value)
