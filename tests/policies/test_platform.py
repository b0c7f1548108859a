"""What the program declares keeps every rule, so that a failure of `make up` is never the platform's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from infra import capacity, naming, release_states, settings
from infra.cluster import ClusterAccess
from infra.images import BuiltImage, BuiltImageArgs
from infra.kubernetes import feedback_store
from infra.kubernetes.gateway import Gateway, GatewayArgs
from infra.kubernetes.namespace import ClosedNamespace, ClosedNamespaceArgs
from infra.kubernetes.service_release import ServiceRelease, ServiceReleaseArgs
from policies.__main__ import EXEMPTIONS, RULES
from policies.pack import plain
from policies.rule import Resource, Verdict
from tests.infra.recorder import DIGEST, record, write_definitions
from tests.infra.samples import OBJECTIVE, TEAM
from tests.infra.stacks import ON_AWS, declare

if TYPE_CHECKING:
    from pathlib import Path

    from policies.rule import Rule

SERVICE = settings.Service(
    name="sentiment",
    task="text-classification",
    pool="gpu",
    team=TEAM,
    objective=OBJECTIVE,
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
        naming.SERVICES_NAMESPACE, ClosedNamespaceArgs(environment="local", demand=capacity.quota(SERVICE))
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
            feedback=feedback_store.sqlite(),
            traces=settings.Traces(),
            change=release_states.change(
                {
                    "strategy": "canary",
                    "stable": {"version": "0.1.0", "replicas": 2, "weight": 95},
                    "candidate": {"version": "0.2.0", "replicas": 1, "weight": 5},
                },
                SERVICE.release,
                now=datetime.now(tz=UTC),
            ),
            facts={
                "receipts": {
                    version: {"service": "sentiment", "version": version, "model_digest": "0" * 64}
                    for version in SERVICE.versions()
                },
                "changes": {
                    "freezes": [
                        {"begins": "2020-01-01T00:00:00Z", "ends": "2020-01-02T00:00:00Z", "reason": "It is over."}
                    ],
                    "waivers": [],
                },
            },
        ),
    )


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Resource]]:
    """All resources of every stack, as rules see them."""
    folder = tmp_path_factory.mktemp("platform")
    write_definitions(folder)
    declared = {"local": record(lambda: _platform(folder)), **{name: declare(name) for name in ON_AWS}}
    return {
        name: [Resource(type=item.type, name=item.name, properties=plain(item.inputs)) for item in resources]
        for name, resources in declared.items()
    }


@pytest.mark.parametrize("stack", ["local", *ON_AWS])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_stack_keeps_the_rule(rule: Rule, stack: str, stacks: dict[str, list[Resource]]) -> None:
    """The rule finds nothing wrong in what the program declares."""
    findings = rule.judge(stacks[stack])
    assert [finding.message() for finding in findings if finding.verdict is not Verdict.PASS] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_rule_is_about_something(rule: Rule, stacks: dict[str, list[Resource]]) -> None:
    """Some stack has what the rule judges: one that never sees its kind of resource would pass for ever."""
    assert any(rule.judge(resources) for resources in stacks.values())


def test_each_exemption_is_needed(stacks: dict[str, list[Resource]]) -> None:
    """An exemption that lets nothing pass any more is to be taken away."""
    used = {
        (rule.name, f"{finding.resource.type} {finding.resource.name}", note.partition(" is ")[0])
        for resources in stacks.values()
        for rule in RULES
        for finding in rule.judge(resources)
        for note in finding.exemptions
    }
    assert used == {(each.rule, each.resource, place) for each in EXEMPTIONS for place in each.allows}
