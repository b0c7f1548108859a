"""Where users come in: a network load balancer with a certificate and a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import naming

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra import settings

_HTTPS = 443
# TLS 1.2 and 1.3, forward secrecy only.
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


@dataclass(frozen=True, kw_only=True)
class LoadBalancerArgs:
    """What a load balancer is made from.

    Attributes:
        environment: the stack.
        ingress: its settings.
        vpc_id: the VPC's.
        subnet_ids: one a zone; public ones for an internet-facing one.
        node_security_group_id: of the nodes.
        autoscaling_group_name: of the pool that it sends to.
        node_port: NodePort of Envoy.
        zone_id: of the hosted zone.
        protect: whether it must not be deleted.
    """

    environment: str
    ingress: settings.Ingress
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    node_security_group_id: pulumi.Input[str]
    autoscaling_group_name: pulumi.Input[str]
    node_port: int
    zone_id: pulumi.Input[str]
    protect: bool


class LoadBalancer(pulumi.ComponentResource):
    """Ends TLS and sends to Envoy's port on the nodes of one pool.

    Attributes:
        endpoint: URL for users, known once the name leads to it.
    """

    endpoint: pulumi.Output[str]

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:LoadBalancer", name, None, opts)
        self._name, self._args = name, args
        child = pulumi.ResourceOptions(parent=self)
        balancer = aws.lb.LoadBalancer(
            name,
            load_balancer_type="network",
            internal=args.ingress.scheme == "internal",
            subnets=args.subnet_ids,
            security_groups=[self._security_group()],
            # A zone whose nodes are all gone sends to the others'.
            enable_cross_zone_load_balancing=True,
            enable_deletion_protection=args.protect,
            opts=child,
        )
        targets = aws.lb.TargetGroup(
            name,
            vpc_id=args.vpc_id,
            target_type="instance",
            protocol="TCP",
            port=args.node_port,
            # With it a node could not reach itself through the balancer; Envoy sees a node's address either way.
            preserve_client_ip="false",
            deregistration_delay=60,
            health_check=aws.lb.TargetGroupHealthCheckArgs(protocol="TCP", interval=10),
            opts=child,
        )
        aws.autoscaling.Attachment(
            name,
            autoscaling_group_name=args.autoscaling_group_name,
            lb_target_group_arn=targets.arn,
            opts=child,
        )
        aws.lb.Listener(
            name,
            load_balancer_arn=balancer.arn,
            port=_HTTPS,
            protocol="TLS",
            ssl_policy=_TLS_POLICY,
            certificate_arn=self._certificate(),
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)],
            opts=child,
        )
        record = aws.route53.Record(
            name,
            zone_id=args.zone_id,
            name=args.ingress.domain,
            type="A",
            aliases=[
                aws.route53.RecordAliasArgs(
                    name=balancer.dns_name, zone_id=balancer.zone_id, evaluate_target_health=True
                )
            ],
            opts=child,
        )
        self.endpoint = record.name.apply(lambda domain: f"https://{domain}")
        self.register_outputs({"endpoint": self.endpoint})

    def _security_group(self) -> pulumi.Output[str]:
        """From the allowed ranges to the balancer, from the balancer to the nodes' port, and nothing else."""
        args, child = self._args, pulumi.ResourceOptions(parent=self)
        group = aws.ec2.SecurityGroup(
            self._name,
            description="Users of inferstack",
            vpc_id=args.vpc_id,
            tags={"Name": naming.aws_name(args.environment, "ingress")},
            opts=child,
        )
        for cidr in args.ingress.allowed_cidrs:
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-from-{cidr}",
                security_group_id=group.id,
                description="HTTPS from users",
                cidr_ipv4=cidr,
                ip_protocol="tcp",
                from_port=_HTTPS,
                to_port=_HTTPS,
                opts=child,
            )
        aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-to-nodes",
            security_group_id=group.id,
            description="To Envoy",
            referenced_security_group_id=args.node_security_group_id,
            ip_protocol="tcp",
            from_port=args.node_port,
            to_port=args.node_port,
            opts=child,
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-on-nodes",
            security_group_id=args.node_security_group_id,
            description="To Envoy from the load balancer",
            referenced_security_group_id=group.id,
            ip_protocol="tcp",
            from_port=args.node_port,
            to_port=args.node_port,
            opts=child,
        )
        return group.id

    def _certificate(self) -> pulumi.Output[str]:
        """The ARN of a certificate for the domain, known once ACM has seen our record in its zone."""
        child = pulumi.ResourceOptions(parent=self)
        certificate = aws.acm.Certificate(
            self._name, domain_name=self._args.ingress.domain, validation_method="DNS", opts=child
        )
        option = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{self._name}-validation",
            zone_id=self._args.zone_id,
            name=option.resource_record_name,
            type=option.resource_record_type,
            records=[option.resource_record_value],
            ttl=300,
            # The record of a certificate and of its successor are the same.
            allow_overwrite=True,
            opts=child,
        )
        validation = aws.acm.CertificateValidation(
            self._name, certificate_arn=certificate.arn, validation_record_fqdns=[record.fqdn], opts=child
        )
        return validation.certificate_arn
