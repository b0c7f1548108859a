"""The entry point of `pulumi up`: settings in, the platform out."""

import gc
from pathlib import Path

# The program lives for seconds. Looking for cycles among all that Pulumi imports takes a tenth of a preview.
gc.disable()

import pulumi  # noqa: E402  # after the line above, which is about this one

from infra import settings  # noqa: E402
from infra.settings.errors import SettingsError  # noqa: E402
from infra.stack import Stack  # noqa: E402

try:
    environment, root = pulumi.get_stack(), Path(__file__).parent
    stack = Stack(settings.from_pulumi(environment, root), environment=environment, root=root)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

for name, value in stack.outputs.items():
    pulumi.export(name, value)
