"""Roles that a service of AWS assumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.policy_document import Statement, document

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class ServiceRoleArgs:
    """What a role of a service is made from.

    Attributes:
        environment: the stack.
        part: a part of the role's name, which is explicit: CI may manage only names of its environment.
        service: who assumes it, for example ``eks.amazonaws.com``.
        managed_policies: names of policies that AWS maintains.
        boundary_arn: what it may never do (:class:`infra.aws.boundary.Boundary`).
    """

    environment: str
    part: str
    service: str
    managed_policies: Sequence[str]
    boundary_arn: pulumi.Input[str]


class ServiceRole(pulumi.ComponentResource):
    """A role that a service assumes, with policies that AWS maintains.

    Attributes:
        arn: the role's, known once the policies are attached.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: ServiceRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:ServiceRole", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            name=naming.aws_name(args.environment, args.part),
            assume_role_policy=trust(args.service),
            permissions_boundary=args.boundary_arn,
            opts=child,
        )
        attachments = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}", role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}", opts=child
            )
            for policy in args.managed_policies
        ]
        # An attachment's `role` is known in a preview, its id is not.
        attached = pulumi.Output.all(role.arn, *(attachment.role for attachment in attachments))
        self.arn = attached.apply(lambda known: known[0])
        self.register_outputs({"arn": self.arn})


def trust(service: str) -> pulumi.Output[str]:
    """The policy that lets a service, for example ``ec2.amazonaws.com``, assume a role."""
    return document(Statement(sid="Service", principals={"Service": service}, actions=["sts:AssumeRole"]))
