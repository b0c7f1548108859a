"""The environment in which the tools find each other."""

import os

from tools.layout import Layout, default_layout
from tools.probe import Probe
from tools.status import official_pulumi


def environment(layout: Layout | None = None) -> dict[str, str]:
    """Return the variables to set for a child that uses the tools.

    `.tools/bin` comes first on PATH. Pulumi is told where its plugins lie, and to fetch none, only if it was built
    here: an official `pulumi` on PATH keeps its own home and gets its plugins itself.
    """
    layout = layout or default_layout()
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder != str(layout.bin)]
    variables = {
        "PATH": os.pathsep.join([str(layout.bin), *folders]),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if not official_pulumi(Probe(layout)):
        variables["PULUMI_HOME"] = str(layout.pulumi_home)
        variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return variables
