"""What CI may do: deploy from one environment of one repository, and preview its pull requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws import deployment
from infra.aws.policy_document import Statement, document

if TYPE_CHECKING:
    from infra.settings import ContinuousIntegration

_GITHUB = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"
# An update of EKS with all of its nodes.
_DEPLOY_SECONDS = 2 * 60 * 60
_PREVIEW_SECONDS = 60 * 60


@dataclass(frozen=True, kw_only=True)
class CiAccessArgs:
    """What CI's access is made from.

    Attributes:
        scope: what a deployment may touch.
        ci: the settings.
    """

    scope: deployment.Scope
    ci: ContinuousIntegration


class CiAccess(pulumi.ComponentResource):
    """GitHub's identity provider, and the two roles that its tokens open.

    A deployment can change neither the roles here nor the boundary: who edits what CI may do is a person.

    Attributes:
        deploy_role_arn: for ``pulumi up`` from the environment.
        preview_role_arn: for ``pulumi preview`` of pull requests: reads, and no secret.
    """

    deploy_role_arn: pulumi.Output[str]
    preview_role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: CiAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:CiAccess", name, None, opts)
        self._scope = args.scope
        github = aws.iam.OpenIdConnectProvider(
            name,
            url=f"https://{_GITHUB}",
            client_id_lists=[_AUDIENCE],
            opts=pulumi.ResourceOptions(parent=self),
        )
        repository = args.ci.subject
        deploy = self._role(
            deployment.DEPLOY,
            github.arn,
            subject=f"{repository}:environment:{args.ci.environment}",
            seconds=_DEPLOY_SECONDS,
        )
        for part, statements in deployment.policies(args.scope).items():
            self._allow(deploy, part, *statements)
        preview = self._role(
            deployment.PREVIEW, github.arn, subject=f"{repository}:pull_request", seconds=_PREVIEW_SECONDS
        )
        self._allow(preview, "preview", *deployment.preview(args.scope))
        self.deploy_role_arn, self.preview_role_arn = deploy.arn, preview.arn
        self.register_outputs({"deployRoleArn": deploy.arn, "previewRoleArn": preview.arn})

    def _role(self, part: str, provider_arn: pulumi.Input[str], *, subject: str, seconds: int) -> aws.iam.Role:
        trust = Statement(
            sid="GitHub",
            principals={"Federated": provider_arn},
            actions=["sts:AssumeRoleWithWebIdentity"],
            conditions={"StringEquals": {f"{_GITHUB}:aud": _AUDIENCE, f"{_GITHUB}:sub": subject}},
        )
        return aws.iam.Role(
            part,
            name=naming.aws_name(self._scope.environment, part),
            assume_role_policy=document(trust),
            max_session_duration=seconds,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _allow(self, role: aws.iam.Role, part: str, *statements: Statement) -> None:
        aws.iam.RolePolicy(
            f"{part}",
            name=part,
            role=role.id,
            policy=document(*statements),
            opts=pulumi.ResourceOptions(parent=self),
        )
