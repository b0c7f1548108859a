"""A stack that every rule allows, but for what its configuration spoils. It needs no cluster: it renders to files."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

config = pulumi.Config()
provider = kubernetes.Provider("files", render_yaml_to_directory=config.require("directory"))
options = pulumi.ResourceOptions(provider=provider)
labels = {
    "app.kubernetes.io/name": "sentiment",
    "app.kubernetes.io/part-of": "inferstack",
    "app.kubernetes.io/managed-by": "pulumi",
    "inferstack.dev/environment": "test",
}


def metadata(name: str) -> meta.ObjectMetaArgs:
    """Metadata in the stack's only namespace."""
    return meta.ObjectMetaArgs(name=name, namespace="inferstack", labels=labels)


core.Namespace("inferstack", metadata=meta.ObjectMetaArgs(name="inferstack", labels=labels), opts=options)
core.ResourceQuota(
    "quota", metadata=metadata("quota"), spec={"hard": {"requests.cpu": "1", "requests.memory": "1Gi"}}, opts=options
)
kubernetes.networking.v1.NetworkPolicy(
    "default-deny",
    metadata=metadata("default-deny"),
    spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"]},
    opts=options,
)
settings = core.ConfigMap("settings", metadata=metadata("settings"), data={"a": "b"}, opts=options)

image: pulumi.Input[str] = config.require("image")
if config.get_bool("image-known-at-update"):
    # What a new resource will be called is not known before it is there; so is the digest of an image to be built.
    image = settings.id.apply(lambda _: config.require("image"))

security_context = core.SecurityContextArgs(
    run_as_non_root=True,
    allow_privilege_escalation=False,
    read_only_root_filesystem=True,
    capabilities=core.CapabilitiesArgs(drop=["ALL"]),
    seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
)
amounts = {"cpu": "100m", "memory": "64Mi"}
container = core.ContainerArgs(
    name="server",
    image=image,
    resources=core.ResourceRequirementsArgs(requests=amounts, limits=amounts),
    security_context=None if config.get_bool("without-security-context") else security_context,
    env=[core.EnvVarArgs(name="GREETING", value=pulumi.Output.secret("hunter2"))]
    if config.get_bool("greeting-is-encrypted")
    else [],
)
kubernetes.apps.v1.Deployment(
    "sentiment",
    metadata=metadata("sentiment"),
    spec=kubernetes.apps.v1.DeploymentSpecArgs(
        selector=meta.LabelSelectorArgs(match_labels={"app.kubernetes.io/name": "sentiment"}),
        template=core.PodTemplateSpecArgs(
            metadata=meta.ObjectMetaArgs(labels=labels),
            spec=core.PodSpecArgs(automount_service_account_token=False, containers=[container]),
        ),
    ),
    opts=options,
)

if folder := config.get("device-plugin-folder"):
    # By its name and its settings this one is exempted: it may have the kubelet's folder, and run as root.
    agent = core.ContainerArgs(
        name="plugin",
        image=config.require("image"),
        resources=core.ResourceRequirementsArgs(requests=amounts, limits=amounts),
        security_context=core.SecurityContextArgs(
            run_as_non_root=False,
            run_as_user=0,
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=core.CapabilitiesArgs(drop=["ALL"]),
            seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
        ),
    )
    kubernetes.apps.v1.DaemonSet(
        "nvidia-device-plugin",
        metadata=metadata("nvidia-device-plugin"),
        spec=kubernetes.apps.v1.DaemonSetSpecArgs(
            selector=meta.LabelSelectorArgs(match_labels={"app.kubernetes.io/name": "sentiment"}),
            template=core.PodTemplateSpecArgs(
                metadata=meta.ObjectMetaArgs(labels=labels),
                spec=core.PodSpecArgs(
                    automount_service_account_token=False,
                    containers=[agent],
                    volumes=[
                        core.VolumeArgs(
                            name="kubelet", host_path=core.HostPathVolumeSourceArgs(path=folder, type="Directory")
                        )
                    ],
                ),
            ),
        ),
        opts=options,
    )
