"""What the program declares keeps every rule, so that a failure of `make up` is never the platform's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra import capacity, naming, settings
from infra.cluster import ClusterAccess
from infra.images import BuiltImage, BuiltImageArgs
from infra.kubernetes.gateway import Gateway, GatewayArgs
from infra.kubernetes.namespace import ClosedNamespace, ClosedNamespaceArgs
from infra.kubernetes.service_release import ServiceRelease, ServiceReleaseArgs
from policies.__main__ import RULES
from policies.pack import plain
from policies.rule import Resource, Verdict
from tests.infra.recorder import DIGEST, record, write_definitions

if TYPE_CHECKING:
    from pathlib import Path

    from policies.rule import Rule

SERVICE = settings.Service(
    name="sentiment",
    task="text-classification",
    pool="gpu",
    resources=settings.Resources(cpu="2", memory="1Gi", gpus=1),
    release=settings.CanaryRelease(
        strategy="canary",
        stable=settings.Slot(version="0.1.0", replicas=2, weight=80),
        candidate=settings.Slot(version="0.2.0", replicas=1, weight=20),
    ),
)


def _platform(folder: Path) -> None:
    """A gateway and a canary release, as infra.stack puts them together on any cluster."""
    pinned = f"registry/image@{DIGEST}"
    access = ClusterAccess(provider=None, registry="registry", builder="builder", entry="http://127.0.0.1")  # pyright: ignore[reportArgumentType]  # images need no provider
    BuiltImage(
        "sentiment-0.1.0",
        BuiltImageArgs(
            access=access,
            repository="sentiment",
            tag="0.1.0",
            context=folder,
            named_contexts={"model": folder / "model"},
            build_args={"BASE_IMAGE": pinned},
        ),
    )
    gateway = Gateway(
        "gateway",
        GatewayArgs(environment="local", contour_image=pinned, envoy_image=pinned, node_port=30080, crds=folder),
    )
    namespace = ClosedNamespace(
        naming.SERVICES_NAMESPACE, ClosedNamespaceArgs(environment="local", demand=capacity.rollout(SERVICE))
    )
    ServiceRelease(
        "sentiment",
        ServiceReleaseArgs(
            environment="local",
            namespace=namespace.name,
            service=SERVICE,
            variant="cpu",
            images={"0.1.0": pinned, "0.2.0": pinned},
            gateway=gateway,
        ),
    )


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """All resources of the platform, as rules see them."""
    folder = tmp_path_factory.mktemp("platform")
    write_definitions(folder)
    return [
        Resource(type=item.type, name=item.name, properties=plain(item.inputs))
        for item in record(lambda: _platform(folder))
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_platform_keeps_the_rule(rule: Rule, declared: list[Resource]) -> None:
    """The rule finds something to judge in the platform, and nothing wrong."""
    findings = rule.judge(declared)
    assert findings
    assert [finding.message() for finding in findings if finding.verdict is not Verdict.PASS] == []
