"""The settings of a stack: the only reader of ``Pulumi.<stack>.yaml``.

Every model is frozen and strict: an unknown key, a number written as text or a value out of range is an error that
names the file, the line, the key, the value and what is allowed (:mod:`infra.settings.errors`). Nothing here imports
Pulumi's provider SDKs, so that commands and editors can check a stack file in milliseconds.
"""

from infra.settings.aws import (
    Aws,
    BreakGlass,
    ContinuousIntegration,
    Database,
    Ingress,
    Network,
    OwnedRegistry,
    SharedRegistry,
)
from infra.settings.changes import Changes, Freeze, Waiver
from infra.settings.cluster import (
    Cluster,
    EksCluster,
    EksImages,
    EmbeddedCluster,
    ExistingCluster,
    PlatformImages,
    SystemNodes,
)
from infra.settings.errors import SettingsError
from infra.settings.monitoring import LogReceiver, Monitoring, Receiver, Route, SlackReceiver, Traces, WebhookReceiver
from infra.settings.objective import Latency, Objective
from infra.settings.pools import Pool, PoolNodes
from infra.settings.reading import PROJECT, from_pulumi, parse, parse_text, read, schema, stack_file, stack_file_schema
from infra.settings.services import (
    Autoscaling,
    BlueGreenRelease,
    CanaryRelease,
    Profile,
    Resources,
    Service,
    Shape,
    Slot,
)
from infra.settings.stack import Gateway, Settings

__all__ = [
    "PROJECT",
    "Autoscaling",
    "Aws",
    "BlueGreenRelease",
    "BreakGlass",
    "CanaryRelease",
    "Changes",
    "Cluster",
    "ContinuousIntegration",
    "Database",
    "EksCluster",
    "EksImages",
    "EmbeddedCluster",
    "ExistingCluster",
    "Freeze",
    "Gateway",
    "Ingress",
    "Latency",
    "LogReceiver",
    "Monitoring",
    "Network",
    "Objective",
    "OwnedRegistry",
    "PlatformImages",
    "Pool",
    "PoolNodes",
    "Profile",
    "Receiver",
    "Resources",
    "Route",
    "Service",
    "Settings",
    "SettingsError",
    "Shape",
    "SharedRegistry",
    "SlackReceiver",
    "Slot",
    "SystemNodes",
    "Traces",
    "Waiver",
    "WebhookReceiver",
    "from_pulumi",
    "parse",
    "parse_text",
    "read",
    "schema",
    "stack_file",
    "stack_file_schema",
]
