"""The Job that makes the certificates by which Envoy and Contour know each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes.batch.v1 import Job, JobSpecArgs
from pulumi_kubernetes.core.v1 import ContainerArgs, PodSpecArgs, PodTemplateSpecArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra.kubernetes import access, contour_roles
from infra.kubernetes.pods import (
    container_security_context,
    field_variable,
    pod_security_context,
    small_resources,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from infra.kubernetes.scope import Scope

# Contour's certgen names the secrets itself.
CONTOUR_SECRET = "contourcert"  # noqa: S105  a name
ENVOY_SECRET = "envoycert"  # noqa: S105  a name
NAME = "contour-certgen"


def certificate_job(scope: Scope, *, image: pulumi.Input[str], node_selector: Mapping[str, str] | None) -> Job:
    """Declare the Job that writes both secrets for the mutual TLS of xDS.

    Args:
        scope: of Contour.
        image: digest reference of the Contour image.
        node_selector: labels of the nodes that it may run on; any without.
    """
    account = access.account(scope, NAME)
    granted = access.grant(scope, account, NAME, contour_roles.OF_THE_CERTIFICATE_JOB)
    container = ContainerArgs(
        name="certgen",
        image=image,
        command=["/bin/contour"],
        args=[
            "certgen",
            "--kube",
            "--incluster",
            "--overwrite",
            "--secrets-format=compact",
            "--namespace=$(CONTOUR_NAMESPACE)",
        ],
        env=[field_variable("CONTOUR_NAMESPACE", "metadata.namespace")],
        resources=small_resources(cpu="50m", memory="64Mi", memory_limit="128Mi"),
        security_context=container_security_context(),
    )
    return Job(
        NAME,
        metadata=scope.metadata(NAME),
        spec=JobSpecArgs(
            backoff_limit=4,
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=scope.labels(NAME)),
                spec=PodSpecArgs(
                    service_account_name=account.metadata.name,
                    automount_service_account_token=True,
                    restart_policy="Never",
                    node_selector=node_selector,
                    security_context=pod_security_context(),
                    containers=[container],
                ),
            ),
        ),
        # A new image means a new Job: its template is immutable, and its name is free only after the old one.
        opts=scope.child(after=[granted], delete_before_replace=True),
    )
