"""Names and labels: every object gets its own from here, so that selectors, rules and dashboards agree."""

from __future__ import annotations

PART_OF = "inferstack"
DOMAIN = "inferstack.dev"

GATEWAY_NAMESPACE = "inferstack-gateway"
SERVICES_NAMESPACE = "inferstack"
# What looks after nodes, and may ask AWS for more of them.
SYSTEM_NAMESPACE = "inferstack-system"
# Agents of GPU nodes, which no other namespace may run: they reach into the node.
GPU_NAMESPACE = "inferstack-gpu"
# Prometheus, Alertmanager, Grafana, exporters and the OpenTelemetry collector.
MONITORING_NAMESPACE = "inferstack-monitoring"

ENVIRONMENT_LABEL = f"{DOMAIN}/environment"
POOL_LABEL = f"{DOMAIN}/pool"
SERVICE_LABEL = f"{DOMAIN}/service"
SLOT_LABEL = f"{DOMAIN}/slot"
# On the pod that compares answers, which is none of the service's own.
SHADOW_LABEL = f"{DOMAIN}/shadow"

GPU_RESOURCE = "nvidia.com/gpu"

# Who is told of what belongs to no service: the label `team` of such alerts.
PLATFORM_TEAM = "platform"


def labels(name: str, environment: str) -> dict[str, str]:
    """The labels that every object carries.

    Args:
        name: the component that the object belongs to, for example ``envoy`` or ``sentiment-stable``.
        environment: the stack, for example ``local``.
    """
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/managed-by": "pulumi",
        ENVIRONMENT_LABEL: environment,
    }


def selector(name: str) -> dict[str, str]:
    """The labels by which a controller, a Service or a policy finds the pods of a component.

    A part of :func:`labels` that never changes in the life of the component: selectors are immutable.
    """
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": PART_OF}


def slot_name(service: str, slot: str) -> str:
    """The name of a slot's Deployment, Service and account: ``sentiment-stable``, ``sentiment-blue``."""
    return f"{service}-{slot.replace('_', '-')}"


def engines_name(service: str) -> str:
    """The name of a service's engine cache, and of the account that fills it: ``sentiment-engines``."""
    return f"{service}-engines"


def engine_build_name(service: str, version: str) -> str:
    """The name of the Job that builds the engine of a version: ``sentiment-0-1-0-engine``; no dots in names of pods."""
    return f"{service}-{version.lower().replace('.', '-')}-engine"


def aws_name(environment: str, part: str = "") -> str:
    """The name of something in AWS: ``inferstack-prod`` for the cluster, ``inferstack-prod-models`` for a part."""
    return "-".join(filter(None, (PART_OF, environment, part)))


def state_bucket(environment: str, account: str) -> str:
    """The bucket of a stack's Pulumi state. Names of buckets are unique in the world: the account is in it."""
    return aws_name(environment, f"state-{account}")


def secrets_key_alias(environment: str) -> str:
    """The alias of the KMS key that encrypts what is secret in a stack's state."""
    return f"alias/{aws_name(environment, 'secrets')}"


def tags(environment: str) -> dict[str, str]:
    """The tags that everything in AWS carries; the provider sets them."""
    return {
        "Project": PART_OF,
        "Environment": environment,
        "ManagedBy": "pulumi",
    }


def node_labels(pool: str) -> dict[str, str]:
    """The labels of a pool's nodes."""
    return {POOL_LABEL: pool}
