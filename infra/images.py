"""The images of a stack: what ``local`` builds for the platform, and the serving image of each version."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pulumi
import pulumi_docker_build as docker_build
from pulumi.output import UNKNOWN

from infra.catalogue import model_directory, receipt
from infra.settings import EmbeddedCluster, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from infra.cluster import ClusterAccess
    from infra.settings import Cluster, Service, Settings
    from infra.settings.pools import Variant


@dataclass(frozen=True, kw_only=True)
class BuiltImageArgs:
    """What an image is built from.

    Attributes:
        access: names the registry and the builder.
        repository: below the registry's prefix, for example ``sentiment``.
        tag: for people; everything else names the digest.
        context: folder with a Dockerfile.
        target: stage of the Dockerfile; None for the last.
        named_contexts: further folders or images, by the name that the Dockerfile has for them.
        build_args: values of the Dockerfile's ARGs.
        after: what must be there before it can be pushed.
    """

    access: ClusterAccess
    repository: str
    tag: str
    context: Path
    target: str | None = None
    named_contexts: Mapping[str, Path | str]
    build_args: Mapping[str, pulumi.Input[str]]
    after: Sequence[pulumi.Resource] = ()


class BuiltImage(pulumi.ComponentResource):
    """An image that was built without a network and pushed.

    Attributes:
        reference: ``<registry>/<repository>@sha256:…``; unknown before the first update.
    """

    reference: pulumi.Output[str]

    def __init__(self, name: str, args: BuiltImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:images:BuiltImage", name, None, opts)
        repository = f"{args.access.registry}/{args.repository}"
        image = docker_build.Image(
            name,
            tags=[f"{repository}:{args.tag}"],
            push=True,
            context=docker_build.BuildContextArgs(
                location=str(args.context),
                named={key: docker_build.ContextArgs(location=str(path)) for key, path in args.named_contexts.items()},
            ),
            dockerfile=docker_build.DockerfileArgs(location=str(args.context / "Dockerfile")),
            target=args.target,
            build_args=dict(args.build_args),
            builder=docker_build.BuilderConfigArgs(name=args.access.builder) if args.access.builder else None,
            platforms=[docker_build.Platform.LINUX_AMD64],
            network=docker_build.NetworkMode.NONE,
            # A preview shows what would be built; only an update builds.
            build_on_preview=False,
            # Deleting the resource would delete the manifest, which another stack or a rollback may still pull.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True, depends_on=list(args.after) or None),
        )
        self.reference = image.digest.apply(lambda digest: _reference(repository, digest))
        self.register_outputs({"reference": self.reference})


def _reference(repository: str, digest: str) -> str:
    """The digest reference; unknown while it is: the preview of a change gives an empty digest for one to come."""
    return f"{repository}@{digest}" if digest else cast("str", UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class PlatformImages:
    """Digest references of what the platform itself runs on.

    Attributes:
        grafana: None where none can be had: the embedded cluster builds its images, and no package registry has the
            parts of Grafana's server.
        prometheus_adapter: None where nothing is scaled.
    """

    base: pulumi.Input[str]
    contour: pulumi.Input[str]
    envoy: pulumi.Input[str]
    prometheus: pulumi.Input[str]
    alertmanager: pulumi.Input[str]
    kube_state_metrics: pulumi.Input[str]
    node_exporter: pulumi.Input[str]
    collector: pulumi.Input[str]
    grafana: pulumi.Input[str] | None
    prometheus_adapter: pulumi.Input[str] | None


def platform_images(cluster: Cluster, access: ClusterAccess, *, root: Path, scaled: bool) -> PlatformImages:
    """Built out of Debian packages, Go modules and a PyPI package for the embedded cluster; as named elsewhere.

    Args:
        cluster: where they run.
        access: names the registry and the builder.
        root: the root of the project.
        scaled: whether a service is scaled.

    Raises:
        SettingsError: ``make images`` has not prepared what they are built from.
    """
    if not isinstance(cluster, EmbeddedCluster):
        named = cluster.images
        return PlatformImages(
            base=named.base,
            contour=named.contour,
            envoy=named.envoy,
            prometheus=named.prometheus,
            alertmanager=named.alertmanager,
            kube_state_metrics=named.kube_state_metrics,
            node_exporter=named.node_exporter,
            collector=named.collector,
            grafana=named.grafana,
            prometheus_adapter=named.prometheus_adapter,
        )

    def build(
        name: str, context: Path, binary: str | None = None, **build_args: pulumi.Input[str]
    ) -> pulumi.Output[str]:
        return BuiltImage(
            name,
            BuiltImageArgs(
                access=access,
                repository=name,
                tag="local",
                context=context,
                named_contexts={"binary": binary} if binary else {},
                build_args=build_args,
            ),
        ).reference

    def wrap(name: str, **build_args: pulumi.Input[str]) -> pulumi.Output[str]:
        return build(name, root / "local" / "images" / name, _layout(contexts / name), **build_args)

    contexts = root / ".state" / "contexts"
    base = build("base", contexts / "base")
    return PlatformImages(
        base=base,
        contour=wrap("contour"),
        envoy=wrap("envoy", BASE_IMAGE=base),
        prometheus=wrap("prometheus"),
        alertmanager=wrap("alertmanager"),
        kube_state_metrics=wrap("kube-state-metrics"),
        node_exporter=wrap("node-exporter"),
        collector=wrap("collector"),
        grafana=None,
        prometheus_adapter=wrap("prometheus-adapter") if scaled else None,
    )


def _layout(folder: Path) -> str:
    """The image that ``make images`` made of a tool, by its digest: no preview has to read the tool to know it."""
    try:
        index: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        return f"oci-layout://{folder}@{index['manifests'][0]['digest']}"
    except (OSError, ValueError, LookupError):
        raise SettingsError(
            f"inferstack:cluster.kind is 'embedded', but {folder}, which an image of it is built from, is not there. "
            "Make it with: make images"
        ) from None


@dataclass(frozen=True, kw_only=True)
class ServingImages:
    """The serving images of a stack: built here, or found in a registry that another stack builds into.

    Attributes:
        settings: the stack's.
        access: names the registry and the builder.
        base: digest reference of the base image.
        root: the root of the project.
        after: what must be there before an image can be pushed.
        find: digest of an image by repository and tag, where another stack builds; None where this one does.
    """

    settings: Settings
    access: ClusterAccess
    base: pulumi.Input[str]
    root: Path
    after: Sequence[pulumi.Resource] = ()
    find: Callable[[str, str], pulumi.Output[str]] | None = None

    def reference(self, service: Service, version: str) -> pulumi.Output[str]:
        """The digest reference of the image of one version, in the variant that the service's pool runs."""
        variant = self.settings.pool(service.pool).variant
        if self.find is None:
            return self._build(service.name, version, variant)
        repository = f"{self.access.registry}/{service.name}"
        known = receipt(self.settings, service.name, version, root=self.root).images.get(variant)
        digest = known or self.find(service.name, image_tag(version, variant))
        return pulumi.Output.concat(repository, "@", digest)

    def _build(self, service: str, version: str, variant: Variant) -> pulumi.Output[str]:
        """The code of ``serving/``, the variant's wheels and the version's model."""
        wheels = {"cpu": "serving", "cuda-trt": "serving-cuda"}[variant]
        return BuiltImage(
            f"{service}-{image_tag(version, variant)}",
            BuiltImageArgs(
                access=self.access,
                repository=service,
                tag=image_tag(version, variant),
                context=self.root / "serving",
                target=None if variant == "cpu" else variant,
                named_contexts={
                    "wheels": self.root / ".state" / "wheels" / wheels,
                    "model": model_directory(service, version, root=self.root),
                },
                build_args={"BASE_IMAGE": self.base, "SERVICE": service, "VERSION": version},
                after=self.after,
            ),
        ).reference


def image_tag(version: str, variant: Variant) -> str:
    """The tag of a variant's image: ``0.1.0`` for what runs on a CPU, ``0.1.0-cuda-trt`` for the others."""
    return version if variant == "cpu" else f"{version}-{variant}"
