"""Roles that a service of AWS assumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra.aws.policy_document import Statement, document

if TYPE_CHECKING:
    from collections.abc import Sequence


def trust(service: str) -> pulumi.Output[str]:
    """The policy that lets a service, for example ``ec2.amazonaws.com``, assume a role."""
    return document(Statement(sid="Service", principals={"Service": service}, actions=["sts:AssumeRole"]))


def service_role(
    name: str,
    *,
    role_name: str,
    service: str,
    managed_policies: Sequence[str],
    boundary_arn: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """A role that a service assumes, with policies that AWS maintains.

    Args:
        name: of the resource.
        role_name: the role's in AWS; explicit, since the CI role may manage only names of its environment.
        service: who assumes it, for example ``eks.amazonaws.com``.
        managed_policies: names of policies of AWS.
        boundary_arn: what it may never do (:class:`infra.aws.boundary.Boundary`).
        opts: for all of its resources.

    Returns:
        Its ARN, known once the policies are attached.
    """
    role = aws.iam.Role(
        name, name=role_name, assume_role_policy=trust(service), permissions_boundary=boundary_arn, opts=opts
    )
    attachments = [
        aws.iam.RolePolicyAttachment(
            f"{name}-{policy}", role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}", opts=opts
        )
        for policy in managed_policies
    ]
    # An attachment's `role` is known in a preview, its id is not.
    attached = pulumi.Output.all(role.arn, *(attachment.role for attachment in attachments))
    return attached.apply(lambda known: known[0])
