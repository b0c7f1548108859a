"""A bucket alone is a bucket of defaults: what protects it are resources beside it, each easily forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.aws import BUCKET
from policies.iam import one_or_many, principals, statements
from policies.rule import Expectation, Resource, StackRule
from policies.truth import Truth, all_of, any_of, negate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policies.node import Node


def _is_versioned(versioning: Node) -> Truth:
    return versioning["versioningConfiguration"]["status"].equals("Enabled")


def _is_encrypted(encryption: Node) -> Truth:
    return negate(encryption["rules"].empty)


def _is_there(block: Node) -> Truth:
    return block["bucket"].present


def _is_tls_only(policy: Node) -> Truth:
    return any_of(_denies_plain_text(statement) for statement in statements(policy["policy"]))


def _denies_plain_text(statement: Node) -> Truth:
    everybody = any_of(each.equals("*") for each in principals(statement, "AWS"))
    everything = any_of(each.test(lambda value: value in ("s3:*", "*")) for each in one_or_many(statement["Action"]))
    secure = statement["Condition"]["Bool"]["aws:SecureTransport"]
    plain = any_of(each.test(lambda value: value in ("false", False)) for each in one_or_many(secure))
    return all_of([statement["Effect"].equals("Deny"), everybody, everything, plain])


_BESIDE: Final[dict[str, tuple[str, Callable[[Node], Truth]]]] = {
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("have a public access block", _is_there),
    "aws:s3/bucketVersioning:BucketVersioning": ("be versioned", _is_versioned),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "say how it is encrypted",
        _is_encrypted,
    ),
    "aws:s3/bucketPolicy:BucketPolicy": ("have a policy that refuses requests without TLS", _is_tls_only),
}


def _check(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Expectation]]:
    for bucket in resources:
        if bucket.type != BUCKET:
            continue
        name = bucket.node["bucket"]
        for token, (must, protects) in _BESIDE.items():
            candidates = [item.node for item in resources if item.type == token]
            holds = any_of(all_of([_same(name, each["bucket"]), protects(each)]) for each in candidates)
            yield bucket, Expectation(holds=holds, subject="the bucket", must=must, found="nothing that does")


def _same(one: Node, other: Node) -> Truth:
    if one.value is None or not one.known or not other.known:
        # A bucket whose name AWS or Pulumi makes up is known by that name after the update.
        return None
    return one.value == other.value


RULE = StackRule(
    name="aws-bucket-protection",
    title="Every bucket has a public access block, versions, encryption, and a policy that refuses what is not TLS.",
    remedy="make the bucket by infra.aws.bucket.PrivateBucket",
    applies=lambda token: token == BUCKET or token in _BESIDE,
    check=_check,
)
