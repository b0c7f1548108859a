"""Repositories of images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from infra.aws.registry import CACHE_PREFIX, Registry, RegistryArgs, lifecycle_policy
from infra.settings import OwnedRegistry, SharedRegistry
from tests.infra.aws.iam import allows
from tests.infra.aws.recorder import ACCOUNT, REGION, Recording, record

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/images"
OTHER = "222222222222"
RELEASES = Path(__file__).parents[3] / "releases"


def _declare(registry: OwnedRegistry | SharedRegistry, made: list[Registry] | None = None) -> Recording:
    def program() -> None:
        component = Registry(
            "registry",
            RegistryArgs(
                registry=registry,
                account=ACCOUNT,
                region=REGION,
                services=["sentiment", "spam"],
                key_arn=KEY,
                protect=True,
            ),
        )
        if made is not None:
            made.append(component)

    return record(program)


def _owned(*pull_accounts: str) -> Recording:
    return _declare(OwnedRegistry(kind="owned", pull_accounts=pull_accounts))


def _expires(tags: Sequence[str]) -> bool:
    """Whether a rule selects an image with those tags, however old it is."""
    return any(_selects(rule["selection"], tags) for rule in lifecycle_policy()["rules"])


def _selects(selection: dict[str, Any], tags: Sequence[str]) -> bool:
    if selection["tagStatus"] == "untagged":
        return not tags
    return selection["tagStatus"] == "any" or any(
        tag.startswith(prefix) for tag in tags for prefix in selection["tagPrefixList"]
    )


def test_each_service_has_a_repository_whose_images_stay_what_they_are() -> None:
    """Tags cannot be moved, images are scanned and encrypted with the stack's key, and no repository goes by itself."""
    declared = _owned()
    assert {each.inputs["name"] for each in declared.of("Repository")} == {"inferstack/sentiment", "inferstack/spam"}
    for repository in declared.of("Repository"):
        assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
        assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
        assert repository.inputs["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": KEY}]
        assert repository.inputs["forceDelete"] is False
    assert declared.protected("Repository") == ["sentiment", "spam"]


@given(version=st.from_regex(r"\A[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-[0-9A-Za-z.-]{1,9})?\Z"), untagged=st.booleans())
def test_no_version_ever_expires(version: str, *, untagged: bool) -> None:
    """An image with the tag of a version is selected by no rule; what has no tag, or the builder's, is."""
    for variant in ("cpu", "cuda-trt"):
        assert not _expires([version, f"{version}-{variant}"])
    assert _expires([] if untagged else [f"{CACHE_PREFIX}{version}"])


def test_what_the_catalogue_names_is_kept() -> None:
    """No receipt of releases/ names a version that would expire."""
    for receipt in RELEASES.glob("*/*.json"):
        assert not _expires([f"{json.loads(receipt.read_text(encoding='utf-8'))['version']}-cpu"])


def test_every_repository_has_the_lifecycle_policy() -> None:
    """The rules are what each repository gets, in an order of their own."""
    declared = _owned()
    policies = [json.loads(each.inputs["policy"]) for each in declared.of("LifecyclePolicy")]
    assert policies == [lifecycle_policy(), lifecycle_policy()]
    assert [rule["rulePriority"] for rule in lifecycle_policy()["rules"]] == [1, 2]


def test_nobody_else_reaches_a_repository_that_names_nobody() -> None:
    """Without accounts that may pull there is no policy at all."""
    assert _owned().of("RepositoryPolicy") == []


def test_other_accounts_pull_and_nothing_else() -> None:
    """The platform's roles of the accounts named may pull; none may push or delete, others find a digest at most."""
    policy = _owned(OTHER).one("RepositoryPolicy", "sentiment")["policy"]

    def may(action: str, *, account: str = OTHER, role: str = "inferstack-prod-nodes") -> bool:
        return allows(
            policy,
            action=f"ecr:{action}",
            principal=f"arn:aws:iam::{account}:root",
            context={"aws:PrincipalArn": f"arn:aws:iam::{account}:role/{role}"},
        )

    assert may("BatchGetImage")
    assert may("GetDownloadUrlForLayer")
    assert may("DescribeImages")
    assert not may("PutImage")
    assert not may("BatchDeleteImage")
    assert not may("SetRepositoryPolicy")
    assert not may("BatchGetImage", role="somebody")
    # The first update of a stack is an administrator's, who looks up digests too.
    assert may("DescribeImages", role="platform-engineers")
    assert not may("DescribeImages", account="999999999999")
    assert not may("BatchGetImage", account="999999999999")


def test_a_shared_registry_makes_nothing() -> None:
    """A stack that shares another's registry declares no resource, and names the other's account and region."""
    made = list[Registry]()
    declared = _declare(SharedRegistry(kind="shared", account=OTHER, region="eu-west-1"), made)
    assert [each.type for each in declared] == ["inferstack:aws:Registry"]
    (registry,) = made
    assert registry.prefix == f"{OTHER}.dkr.ecr.eu-west-1.amazonaws.com/inferstack"
    assert (registry.account, registry.region) == (OTHER, "eu-west-1")


def test_an_owned_registry_is_this_account() -> None:
    """A stack that owns its registry names its own account and region."""
    made = list[Registry]()
    declared = _declare(OwnedRegistry(kind="owned"), made)
    assert made[0].prefix == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/inferstack"
    repositories = {each.inputs["name"] for each in declared if each.type == "aws:ecr/repository:Repository"}
    assert repositories == {"inferstack/sentiment", "inferstack/spam"}
