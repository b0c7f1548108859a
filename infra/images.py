"""The images of a stack: what ``local`` builds for the platform, and the serving image of each version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pulumi
import pulumi_docker_build as docker_build
from pulumi.output import UNKNOWN

from infra.catalogue import model_directory
from infra.settings import EmbeddedCluster

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from infra.cluster import ClusterAccess
    from infra.settings import Cluster


@dataclass(frozen=True, kw_only=True)
class BuiltImageArgs:
    """What an image is built from.

    Attributes:
        access: names the registry and the builder.
        repository: below the registry's prefix, for example ``sentiment``.
        tag: for people; everything else names the digest.
        context: folder with a Dockerfile.
        named_contexts: further folders, by the name that the Dockerfile copies from.
        build_args: values of the Dockerfile's ARGs.
    """

    access: ClusterAccess
    repository: str
    tag: str
    context: Path
    named_contexts: Mapping[str, Path]
    build_args: Mapping[str, pulumi.Input[str]]


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
            build_args=dict(args.build_args),
            builder=docker_build.BuilderConfigArgs(name=args.access.builder) if args.access.builder else None,
            platforms=[docker_build.Platform.LINUX_AMD64],
            network=docker_build.NetworkMode.NONE,
            # A preview shows what would be built; only an update builds.
            build_on_preview=False,
            # Deleting the resource would delete the manifest, which another stack or a rollback may still pull.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        self.reference = image.digest.apply(lambda digest: _reference(repository, digest))
        self.register_outputs({"reference": self.reference})


def _reference(repository: str, digest: str) -> str:
    """The digest reference; unknown while it is: the preview of a change gives an empty digest for one to come."""
    return f"{repository}@{digest}" if digest else cast("str", UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class PlatformImages:
    """Digest references of what the platform itself runs on."""

    base: pulumi.Input[str]
    contour: pulumi.Input[str]
    envoy: pulumi.Input[str]


def platform_images(cluster: Cluster, access: ClusterAccess, *, root: Path) -> PlatformImages:
    """Built out of Debian packages, a Go module and a PyPI package for the embedded cluster; as named elsewhere."""
    if not isinstance(cluster, EmbeddedCluster):
        return PlatformImages(base=cluster.images.base, contour=cluster.images.contour, envoy=cluster.images.envoy)

    def build(name: str, build_args: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
        return BuiltImage(
            name,
            BuiltImageArgs(
                access=access,
                repository=name,
                tag="local",
                context=root / ".state" / "contexts" / name,
                named_contexts={},
                build_args=build_args,
            ),
        ).reference

    base = build("base", {})
    return PlatformImages(base=base, contour=build("contour", {}), envoy=build("envoy", {"BASE_IMAGE": base}))


def serving_image(
    service: str, version: str, *, access: ClusterAccess, base: pulumi.Input[str], root: Path
) -> pulumi.Output[str]:
    """Build the image of one version of a service: the code of ``serving/``, its wheels and the version's model.

    Returns:
        The image's digest reference.
    """
    return BuiltImage(
        f"{service}-{version}",
        BuiltImageArgs(
            access=access,
            repository=service,
            tag=version,
            context=root / "serving",
            named_contexts={
                "wheels": root / ".state" / "wheels" / "serving",
                "model": model_directory(service, version, root=root),
            },
            build_args={"BASE_IMAGE": base, "SERVICE": service, "VERSION": version},
        ),
    ).reference
