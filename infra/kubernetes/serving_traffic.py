"""What serving pods may reach, and who may read their metrics; who may ask them is in ``service_release``."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, LabelSelectorRequirementArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicyEgressRuleArgs

from infra import naming
from infra.kubernetes import traffic
from infra.kubernetes.scope import Scope
from infra.kubernetes.serving_pod import PORT

_POSTGRES = 5432


@dataclass(frozen=True, kw_only=True)
class AwsRanges:
    """Where things are on AWS.

    Attributes:
        vpc: range of the VPC, in which nodes, the database and the control plane's addresses are.
        services: range of Kubernetes' Services.
    """

    vpc: str
    services: str


@dataclass(frozen=True, kw_only=True)
class ServingTrafficArgs:
    """What the policies are made from.

    Attributes:
        environment: the stack.
        namespace: of the serving pods.
        aws: on AWS, where pods have a role, models in S3 and a database for feedback.
    """

    environment: str
    namespace: pulumi.Input[str]
    aws: AwsRanges | None = None


class ServingTraffic(pulumi.ComponentResource):
    """Network policies of all services' pods."""

    def __init__(self, name: str, args: ServingTrafficArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:ServingTraffic", name, None, opts)
        scope = Scope(environment=args.environment, namespace=args.namespace, parent=self)
        pods = LabelSelectorArgs(
            match_expressions=[LabelSelectorRequirementArgs(key=naming.SERVICE_LABEL, operator="Exists")]
        )
        traffic.allow(
            scope,
            "telemetry",
            pods,
            ingress=[traffic.from_prometheus(PORT)],
            egress=[traffic.to_collector()],
        )
        if args.aws is not None:
            self._allow_aws(scope, pods, args.aws)
        self.register_outputs({})

    @staticmethod
    def _allow_aws(scope: Scope, pods: LabelSelectorArgs, aws: AwsRanges) -> None:
        # S3's gateway endpoint has no addresses of its own: the route is S3's public ranges. What is left out are
        # those behind which the Kubernetes API and everything else of the VPC is.
        s3 = traffic.addresses(traffic.ANYWHERE, but=[aws.vpc, aws.services])
        traffic.allow(
            scope,
            "aws",
            pods,
            egress=[
                traffic.to_pod_identity(),
                NetworkPolicyEgressRuleArgs(to=[s3], ports=traffic.ports(443)),
            ],
        )
        # The database's address is known to DNS alone, and moves between zones; its security group says who may.
        database = traffic.addresses(aws.vpc)
        traffic.allow(
            scope,
            "database",
            pods,
            egress=[NetworkPolicyEgressRuleArgs(to=[database], ports=traffic.ports(_POSTGRES))],
        )
