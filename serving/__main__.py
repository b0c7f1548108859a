"""``python -m serving``: serve the model of ``SERVING_MODEL_DIR`` until SIGTERM.

Exit codes: 0 after SIGTERM, 2 for a setting that cannot be used, 3 when the port cannot be had.
"""

from __future__ import annotations

import os
import sys

from serving import logs
from serving.app import create_app
from serving.server import ModelServer
from serving.settings import Settings, SettingsError


def main() -> int:
    """Serve; return the exit code."""
    try:
        settings = Settings.from_environment(os.environ)
        app = create_app(settings)
    except SettingsError as error:
        sys.stderr.write(f"serving: {error}\n")
        return 2
    logs.configure(settings.log_level)
    ModelServer(app, settings).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
