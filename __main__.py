"""The entry point of `pulumi up`: settings in, the platform out."""

from pathlib import Path

import pulumi

from infra import settings
from infra.settings_errors import SettingsError
from infra.stack import Stack

try:
    environment, root = pulumi.get_stack(), Path(__file__).parent
    stack = Stack(settings.from_pulumi(environment, root), environment=environment, root=root)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

for name, value in stack.outputs.items():
    pulumi.export(name, value)
