"""How a Pulumi program becomes a Terraform configuration, without Terraform."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.contracts.terraform import facts, mirror, on_moto
from tests.contracts.terraform.differences import differences
from tests.contracts.terraform.names import UnknownTypeError, snake, spellings, terraform_type
from tests.contracts.terraform.resolving import UnresolvedError, instances, resolve
from tests.contracts.terraform.schema import Schema
from tests.contracts.terraform.values import arguments, convert, text

REFERENCE = "${aws_vpc.prod_network.id}"
SCHEMA = Schema(
    {
        "provider_schemas": {
            "aws": {
                "resource_schemas": {
                    "aws_thing": {
                        "block": {
                            "attributes": {
                                "vpc_id": {"type": "string", "required": True},
                                "tags": {"type": ["map", "string"], "optional": True},
                                "routes_v4": {
                                    "type": ["set", ["object", {"cidr": "string", "gateway": "string"}]],
                                    "optional": True,
                                },
                            },
                            "block_types": {
                                "policy": {
                                    "nesting_mode": "list",
                                    "block": {"attributes": {"max_age": {"type": "number"}}},
                                }
                            },
                        }
                    }
                }
            }
        }
    }
)
THING = SCHEMA.resource("aws_thing")


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("aws:ec2/vpc:Vpc", "aws_vpc"),
        ("aws:eks/nodeGroup:NodeGroup", "aws_eks_node_group"),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws_vpc_security_group_ingress_rule"),
        ("aws:lb/loadBalancer:LoadBalancer", "aws_lb"),
    ],
)
def test_types_are_found_by_name_or_named(token: str, expected: str) -> None:
    """A type is called after its module and name, or after its name alone; exceptions are data."""
    types = frozenset({"aws_vpc", "aws_eks_node_group", "aws_vpc_security_group_ingress_rule", "aws_lb"})
    assert terraform_type(token, types, {"aws:lb/loadBalancer:LoadBalancer": "aws_lb"}) == expected


def test_an_unknown_type_is_an_error() -> None:
    """The sentence names the type and where to say what it is."""
    with pytest.raises(UnknownTypeError, match=r"aws:rds/instance:Instance: .*facts\.toml"):
        terraform_type("aws:rds/instance:Instance", frozenset(), {})


def test_names_are_found_in_the_plural() -> None:
    """The bridge writes lists in the plural; an exact name wins."""
    known = spellings(["policy", "tags", "subnet_ids", "ingress", "rule"])
    pulumi = ("policies", "tags", "subnetids", "ingress", "rules")
    assert [known[name] for name in pulumi] == ["policy", "tags", "subnet_ids", "ingress", "rule"]
    assert snake("enableDnsHostnames") == "enable_dns_hostnames"


def test_arguments_are_named_and_nested_as_the_schema_says() -> None:
    """Blocks come in lists or alone, objects have all their fields, the keys of mappings stay."""
    inputs = {
        "vpcId": REFERENCE,
        "tags": {"kubernetesIo/role": "1"},
        "routesV4s": [{"cidr": "10.0.0.0/8"}],
        "policies": [{"maxAge": 3.0}],
        "left": None,
    }
    assert arguments(inputs, THING) == {
        "vpc_id": REFERENCE,
        "tags": {"kubernetesIo/role": "1"},
        "routes_v4": [{"cidr": "10.0.0.0/8", "gateway": None}],
        "policy": [{"max_age": 3}],
    }


def test_a_wrong_name_reaches_the_provider() -> None:
    """The translation refuses nothing: that is what the provider is there for."""
    assert arguments({"vpcIdd": "x"}, THING) == {"vpc_idd": "x"}


def test_only_references_of_ours_are_expressions() -> None:
    """Variables of IAM policies and templates of others stay text."""
    assert text(f"a-{REFERENCE}-${{aws:username}}-%{{if}}") == f"a-{REFERENCE}-$${{aws:username}}-%%{{if}}"


@given(st.text(alphabet=st.sampled_from("${}%a:_.")))
def test_no_text_of_the_program_becomes_an_expression(value: str) -> None:
    """Whatever a text holds, Terraform reads it as that text."""
    assume("$$" not in value and "%%" not in value)
    escaped = text(value)
    assert not re.search(r"(?<![$])\$\{|(?<!%)%\{", escaped)
    assert escaped.replace("$${", "${").replace("%%{", "%{") == value


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(alphabet="ab1"), st.lists))
def test_values_without_names_stay(value: object) -> None:
    """What has no names in it is the same on both sides."""
    assert convert(value, None) == value


def test_references_get_the_values_of_the_state() -> None:
    """Also within text, in lists and in sets; one that leads nowhere is an error."""
    state = {
        "resources": [
            {
                "mode": "managed",
                "type": "aws_vpc",
                "name": "prod_network",
                "instances": [{"attributes": {"id": "vpc-1", "sets": [{"a": "${b}"}]}}],
            }
        ]
    }
    known = instances(state)
    assert resolve({"x": [f"id={REFERENCE}", REFERENCE]}, known) == {"x": ["id=vpc-1", "vpc-1"]}
    assert resolve("${tolist(aws_vpc.prod_network.sets)[0].a}", known) == "$${b}"
    with pytest.raises(UnresolvedError):
        resolve("${aws_vpc.prod_network.sets[1].a}", known)


def test_a_difference_is_what_is_known_and_not_empty() -> None:
    """What follows from another change, and one kind of nothing for another, is no difference."""
    change: dict[str, Any] = {
        "actions": ["update"],
        "before": {"name": "a", "tags": {}, "arn": "x", "blocks": [{"id": "1", "size": 1}]},
        "after": {"name": "a", "tags": None, "blocks": [{"size": 2}]},
        "after_unknown": {"arn": True, "blocks": [{"id": True}]},
    }
    (found,) = differences({"resource_changes": [{"address": "aws_thing.x", "type": "aws_thing", "change": change}]})
    assert (found.attribute, found.before[0]["size"], found.after[0]["size"]) == ("blocks", 1, 2)


def test_on_moto_order_survives_what_is_not_created() -> None:
    """What comes after a resource that moto cannot create comes after that one's own predecessors."""
    document = {
        "resource": {
            "aws_eks_cluster": {"a": {"name": "a"}},
            "aws_eks_addon": {"a": {"depends_on": ["aws_eks_cluster.a"]}},
            "aws_eks_node_group": {"a": {"depends_on": ["aws_eks_addon.a"]}},
        }
    }
    adapted = on_moto.adapt(document, facts.read())["resource"]
    assert adapted["aws_eks_node_group"]["a"]["depends_on"] == ["aws_eks_cluster.a"]
    assert json.loads(json.dumps(document)) == document


def test_without_terraform_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, and what is not checked because of it."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(mirror.NotInstalledError, match=r"terraform is not on PATH: .* is not checked"):
        mirror.find()


def test_without_the_provider_there_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A mirror without the provider is named, and how to name another."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "terraform").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv(mirror.SETTING, str(folder))
    with pytest.raises(mirror.NotInstalledError, match=rf"{folder}.*{mirror.SETTING}"):
        mirror.find()
