"""Runs AWS components against Pulumi's mocks and records what they declare."""

# Pulumi's mocks are half typed.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import Mocks, set_mocks
from pulumi.runtime import test as pulumi_test
from pulumi.runtime.mocks import MockMonitor

from infra import settings

if TYPE_CHECKING:
    from pulumi.runtime import MockCallArgs, MockResourceArgs
    from pulumi.runtime.proto.resource_pb2 import RegisterResourceRequest, RegisterResourceResponse

ACCOUNT = "111111111111"
REGION = "eu-central-1"
ZONES = (f"{REGION}a", f"{REGION}b", f"{REGION}c")
Answer = dict[str, Any] | Exception | Callable[[Mapping[str, Any]], dict[str, Any]]
"""What a function gives back, why it fails, or what it gives back for what it is asked."""
# What only AWS knows, by type; everything also gets an id and an ARN.
_COMPUTED: dict[str, dict[str, Any]] = {
    "aws:acm/certificate:Certificate": {
        "domainValidationOptions": [
            {
                "domainName": "example.com",
                "resourceRecordName": "_proof.example.com.",
                "resourceRecordType": "CNAME",
                "resourceRecordValue": "_value.acm-validations.aws.",
            }
        ]
    },
    "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
    "aws:eks/cluster:Cluster": {
        "endpoint": "https://cluster.example",
        "certificateAuthority": {"data": "Q0E="},
    },
    "aws:eks/nodeGroup:NodeGroup": {"resources": [{"autoscalingGroups": [{"name": "eks-group"}]}]},
    "aws:lb/loadBalancer:LoadBalancer": {"dnsName": "balancer.example", "zoneId": "Z215JYRZR1TBD5"},
    "aws:rds/instance:Instance": {
        "address": "database.example",
        "masterUserSecrets": [{"secretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:database"}],
    },
    "aws:route53/record:Record": {"fqdn": "name.example.com"},
    "docker-build:index:Image": {"digest": f"sha256:{'0' * 64}"},
}


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One resource as the engine would see it.

    Attributes:
        type: its token.
        name: in the program.
        inputs: with the names of the provider.
        protect: whether the engine refuses to delete it.
        ignored: inputs whose changes count for nothing.
    """

    type: str
    name: str
    inputs: dict[str, Any]
    protect: bool
    ignored: list[str]


@dataclass
class _Recorder(Mocks):
    answers: Mapping[str, Answer]
    declared: list[Declared] = field(default_factory=list[Declared])
    options: dict[tuple[str, str], tuple[bool, list[str]]] = field(
        default_factory=dict[tuple[str, str], tuple[bool, list[str]]]
    )

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs: dict[str, Any] = args.inputs
        protect, ignored = self.options[args.typ, args.name]
        self.declared.append(Declared(type=args.typ, name=args.name, inputs=inputs, protect=protect, ignored=ignored))
        kind = args.typ.rpartition(":")[2]
        arn = f"arn:aws:{args.typ.split(':')[1].split('/')[0]}:{REGION}:{ACCOUNT}:{kind.lower()}/{args.name}"
        computed = {"arn": arn, **_COMPUTED.get(args.typ, {})}
        outputs = {**computed, "name": args.name, **inputs}
        if args.typ == "aws:eks/cluster:Cluster":
            outputs["vpcConfig"] = {**inputs["vpcConfig"], "clusterSecurityGroupId": "sg-cluster"}
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        if args.token == "pulumi:pulumi:readStackOutputs":  # noqa: S105  # the name of a function
            return {"outputs": {}}, []  # nothing is deployed
        if args.token not in self.answers:
            raise AssertionError(f"the program called {args.token}, which the test gives no answer to")
        answer = self.answers[args.token]
        if callable(answer):
            asked: dict[str, Any] = args.args
            return answer(asked), []
        return ({}, [("", str(answer))]) if isinstance(answer, Exception) else (answer, [])


class _Monitor(MockMonitor):
    """Hands over what mocks are not told: the options of a resource."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__(recorder)
        self._recorder = recorder

    def RegisterResource(self, request: RegisterResourceRequest) -> RegisterResourceResponse:  # noqa: N802  # gRPC's name
        self._recorder.options[request.type, request.name] = request.protect, list(request.ignoreChanges)
        return super().RegisterResource(request)


class Recording(list[Declared]):
    """What a program declared, components included, in the order of registration."""

    def of(self, kind: str) -> list[Declared]:
        """Those of a type, by the end of its token: ``Vpc``, ``lb/listener:Listener``."""
        return [each for each in self if each.type.endswith((f":{kind}", f"/{kind}")) or each.type == kind]

    def one(self, kind: str, name: str | None = None) -> dict[str, Any]:
        """The inputs of the only one of a type, or of that name."""
        found = [each for each in self.of(kind) if name in (None, each.name)]
        assert len(found) == 1, f"{kind} {name or ''}: {[each.name for each in self.of(kind)]}"
        return found[0].inputs

    def protected(self, kind: str) -> list[str]:
        """The names of those of a type that the engine refuses to delete."""
        return [each.name for each in self.of(kind) if each.protect]

    def ignored(self, kind: str) -> list[str]:
        """Inputs of a type whose changes count for nothing."""
        return [path for each in self.of(kind) for path in each.ignored]


def record(program: Callable[[], object], *, answers: Mapping[str, Answer] | None = None) -> Recording:
    """Run a program against mocks.

    Args:
        program: what declares resources.
        answers: what functions give back, by token; an exception's text is why it fails.
    """
    recorder = _Recorder(answers=answers or {})
    set_mocks(recorder, project="inferstack", stack="test", monitor=_Monitor(recorder))

    @pulumi_test
    def run() -> pulumi.Output[None]:
        program()
        return pulumi.Output.from_input(None)

    run()
    return Recording(recorder.declared)


def statements(policy: str) -> dict[str, dict[str, Any]]:
    """The statements of a policy document by their Sid."""
    return {each["Sid"]: each for each in json.loads(policy)["Statement"]}


def account(*, tier: str = "production") -> settings.Aws:
    """The settings of an account, whose tier alone matters to components."""
    return settings.Aws.model_validate(
        {
            "account": ACCOUNT,
            "region": REGION,
            "tier": tier,
            "network": {"cidr": "10.18.0.0/16", "zones": ZONES, "nat": "per_zone"},
            "registry": {"kind": "owned"},
            "ingress": {
                "domain": "inference.prod.example.com",
                "hosted_zone": "prod.example.com",
                "allowed_cidrs": ("10.0.0.0/16",),
            },
            "database": {
                "version": "17.6",
                "instance_class": "db.t4g.micro",
                "storage_gib": 20,
                "multi_az": True,
                "backup_days": 1,
            },
            "ci": {"repository": "example/inferstack", "environment": "prod"},
        }
    )


def cluster(*, public_access: tuple[str, ...] = ()) -> settings.EksCluster:
    """The settings of a cluster."""
    digest = "sha256:" + "0" * 64
    return settings.EksCluster.model_validate(
        {
            "kind": "eks",
            "version": "1.35",
            "public_access": public_access,
            "log_days": 365,
            "system_nodes": {"instance_type": "m7i.large", "min": 2, "max": 4},
            "images": {name: f"registry/{name}@{digest}" for name in settings.EksImages.model_fields},
        }
    )
