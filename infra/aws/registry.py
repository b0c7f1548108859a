"""Where images are: ECR repositories of this account, or those of the account that builds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.policy_document import Statement, document
from infra.settings import OwnedRegistry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.settings import SharedRegistry

# Layers of images that were never tagged, or whose tag was for the builder alone.
_SCRATCH_DAYS = 14
CACHE_PREFIX = "cache-"
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """What a registry is made from.

    Attributes:
        registry: the settings: this stack's own repositories, or another account's.
        account: this stack's account.
        region: this stack's region.
        services: a repository each.
        key_arn: the KMS key that images are encrypted with.
        protect: whether deleting a repository is refused.
    """

    registry: OwnedRegistry | SharedRegistry
    account: str
    region: str
    services: Sequence[str]
    key_arn: pulumi.Input[str]
    protect: bool


class Registry(pulumi.ComponentResource):
    """The repositories of all services; a stack that shares another's makes none.

    Attributes:
        prefix: what repositories' names begin with, for example
            ``111111111111.dkr.ecr.eu-central-1.amazonaws.com/inferstack``.
        account: whose registry it is.
        region: where it is.
    """

    prefix: str
    account: str
    region: str

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:Registry", name, None, opts)
        home = args if isinstance(args.registry, OwnedRegistry) else args.registry
        self.account, self.region = home.account, home.region
        self.prefix = f"{self.account}.dkr.ecr.{self.region}.amazonaws.com/{naming.PART_OF}"
        if isinstance(args.registry, OwnedRegistry):
            for service in args.services:
                self._repository(service, args, pull_accounts=args.registry.pull_accounts)
        self.register_outputs({"prefix": self.prefix})

    def _repository(self, service: str, args: RegistryArgs, *, pull_accounts: Sequence[str]) -> None:
        repository = aws.ecr.Repository(
            service,
            name=f"{naming.PART_OF}/{service}",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[
                aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.key_arn)
            ],
            # Images that other accounts run live here: a repository goes when somebody has emptied it.
            force_delete=False,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        child = pulumi.ResourceOptions(parent=self)
        aws.ecr.LifecyclePolicy(service, repository=repository.name, policy=json.dumps(lifecycle_policy()), opts=child)
        if pull_accounts:
            aws.ecr.RepositoryPolicy(
                service, repository=repository.name, policy=document(*_pull(pull_accounts)), opts=child
            )


def lifecycle_policy() -> dict[str, Any]:
    """What expires: never an image that has a version's tag, as all that the catalogue names do.

    Rules of ECR select by what a tag begins with, and a version begins with a digit. There is deliberately no rule of
    ``tagStatus: any``: a rollback may need any version that was ever released.
    """
    selections: list[tuple[str, dict[str, Any]]] = [
        ("Images that lost or never had a tag", {"tagStatus": "untagged"}),
        ("Layers for the builder alone", {"tagStatus": "tagged", "tagPrefixList": [CACHE_PREFIX]}),
    ]
    return {
        "rules": [
            {
                "rulePriority": priority,
                "description": description,
                "selection": {
                    **selection,
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": _SCRATCH_DAYS,
                },
                "action": {"type": "expire"},
            }
            for priority, (description, selection) in enumerate(selections, start=1)
        ]
    }


def _pull(accounts: Sequence[str]) -> tuple[Statement, Statement]:
    """Roles of inferstack in those accounts may pull; whoever updates a stack there may look up the digest of a tag.

    That is not only CI: the first update of a stack is an administrator's. Nobody may push.
    """
    principals = {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]}
    roles = [f"arn:aws:iam::{account}:role/{naming.PART_OF}-*" for account in accounts]
    return (
        Statement(
            sid="PullFromOtherAccounts",
            principals=principals,
            actions=_PULL,
            conditions={"ArnLike": {"aws:PrincipalArn": roles}},
        ),
        Statement(sid="FindFromOtherAccounts", principals=principals, actions=["ecr:DescribeImages"]),
    )
