"""What is read from the SDK's source is what the SDK says when it is imported."""

import importlib
import inspect
from typing import Any

import pytest

from rehearsal.standin.functions import KNOWN
from rehearsal.standin.sdk import NoSuchTypeError, Sdk
from rehearsal.standin.shapes import Argument, Arguments, Block, Either, ListOf, MapOf, OneOf, Scalar
from rehearsal.standin.table import specs

SDK = Sdk("pulumi_aws")
NESTED = [
    ("pulumi_aws.eks", "ClusterVpcConfigArgs"),
    ("pulumi_aws.eks", "NodeGroupScalingConfigArgs"),
    ("pulumi_aws.ec2", "LaunchTemplateBlockDeviceMappingEbsArgs"),
    ("pulumi_aws.s3", "BucketLifecycleConfigurationRuleArgs"),
    ("pulumi_aws", "ProviderDefaultTagsArgs"),
]


# Importing a package says of every deprecated class in it that it is.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def _wire_names(cls: object) -> dict[str, str]:
    """Return the protocol's name of each property of an imported class."""
    properties: list[tuple[str, property]] = inspect.getmembers(cls, lambda member: isinstance(member, property))
    return {name: getattr(member.fget, "_pulumi_name", name) for name, member in properties}


def _check_against(cls: type, read: Arguments) -> None:
    """Compare arguments read from source with those of the imported class."""
    wire = _wire_names(cls)
    given = list(inspect.signature(cls).parameters.values())
    assert set(read) == {wire[argument.name] for argument in given}
    assert {name for name, argument in read.items() if argument.required} == {
        wire[argument.name] for argument in given if argument.default is inspect.Parameter.empty
    }


@pytest.mark.parametrize("token", specs("aws"))
def test_resources_are_read_as_the_sdk_has_them(token: str) -> None:
    """Names, what is required and the type token of every known type are the imported class's."""
    folder, name = token.split(":")[1].split("/", maxsplit=1)[0], token.split(":")[2]
    module: Any = importlib.import_module(f"pulumi_aws.{folder}")
    assert getattr(module, name).pulumi_type == token
    cls = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
    _check_against(cls, SDK.resource(token).arguments)


@pytest.mark.parametrize(("module", "name"), NESTED)
def test_nested_objects_are_read_as_the_sdk_has_them(module: str, name: str) -> None:
    """So are those of nested objects."""
    folder = module.partition(".")[2]
    _check_against(getattr(importlib.import_module(module), name), SDK.fields(Block(folder, name)))


@pytest.mark.parametrize("token", KNOWN)
def test_functions_are_read_as_the_sdk_has_them(token: str) -> None:
    """A function's arguments and results are the imported one's."""
    folder, name = token.split(":")[1].split("/", maxsplit=1)[0], token.split(":")[2]
    module: Any = importlib.import_module("pulumi_aws" if folder == "index" else f"pulumi_aws.{folder}")
    result = getattr(module, f"{name[0].upper()}{name[1:]}Result")
    assert set(SDK.function(token).results) == set(_wire_names(result).values())


def test_shapes_are_told_apart() -> None:
    """Scalars, lists, mappings, objects, enumerations and unions become the shapes that the checks know."""
    cluster = SDK.resource("aws:eks/cluster:Cluster").arguments
    assert cluster["name"] == Argument(shape=Scalar("str"), required=False)
    assert cluster["vpcConfig"] == Argument(shape=Block("eks", "ClusterVpcConfigArgs"), required=True)
    assert cluster["tags"].shape == MapOf(Scalar("str"))
    group = SDK.resource("aws:eks/nodeGroup:NodeGroup").arguments
    assert group["taints"].shape == ListOf(Block("eks", "NodeGroupTaintArgs"))
    assert group["diskSize"].shape == Scalar("int")
    role = SDK.resource("aws:iam/role:Role").arguments
    assert role["assumeRolePolicy"].shape == Either((Scalar("str"), Block("iam", "PolicyDocumentArgs")))
    assert SDK.resource("aws:route53/record:Record").arguments["type"].shape == Scalar("str")
    effect = SDK.fields(Block("iam", "PolicyStatementArgs"))["Effect"].shape
    assert isinstance(effect, OneOf)
    assert set(effect.values) == {"Allow", "Deny"}


def test_secret_outputs_are_known() -> None:
    """What the SDK marks as secret is known without importing it."""
    assert SDK.resource("aws:rds/instance:Instance").secrets == {"password", "passwordWo"}
    assert SDK.resource("aws:ec2/vpc:Vpc").secrets == frozenset()


@pytest.mark.parametrize("token", ["aws:ec2/nothing:Nothing", "aws:ec2/vpc:Vpcs", "aws:nowhere/vpc:Vpc"])
def test_what_is_not_there_is_said(token: str) -> None:
    """A type that the SDK lacks is no empty type."""
    with pytest.raises(NoSuchTypeError):
        SDK.resource(token)
