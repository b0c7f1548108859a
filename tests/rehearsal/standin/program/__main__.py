# ruff: noqa: INP001 the engine runs this file as a program
"""A small AWS program for the engine tests; the variable TRIAL says in JSON what is different this time."""

import json
import os
from typing import Any

import pulumi
import pulumi_aws as aws

trial: dict[str, Any] = {
    "cidr": "10.0.0.0/16",
    "max": 3,
    "account": "111122223333",
    **json.loads(os.environ.get("TRIAL", "{}")),
}
provider = aws.Provider(
    "aws",
    region="eu-central-1",
    allowed_account_ids=[trial["account"]],
    default_tags=aws.ProviderDefaultTagsArgs(tags={"stack": "trial"}),
)
options = pulumi.ResourceOptions(provider=provider)
asked = pulumi.InvokeOptions(provider=provider)

network = aws.ec2.Vpc("net", cidr_block=trial["cidr"], opts=options)
subnets = [
    aws.ec2.Subnet(
        zone, vpc_id=network.id, cidr_block=f"10.0.{index}.0/24", availability_zone=f"eu-central-1{zone}", opts=options
    )
    for index, zone in enumerate("abc")
]
table = aws.ec2.RouteTable("routes", vpc_id=network.id, opts=options)
for zone, subnet in zip("abc", subnets, strict=True):
    aws.ec2.RouteTableAssociation(zone, route_table_id=table.id, subnet_id=subnet.id, opts=options)
role = aws.iam.Role("role", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": []}), opts=options)
key = aws.kms.Key("key", opts=options)
cluster = aws.eks.Cluster(
    "cluster",
    name="trial",
    role_arn=role.arn,
    vpc_config=aws.eks.ClusterVpcConfigArgs(subnet_ids=[subnet.id for subnet in subnets]),
    opts=options,
)
template = aws.ec2.LaunchTemplate("gpu", instance_type="g5.xlarge", opts=options)
aws.eks.NodeGroup(
    "gpu",
    cluster_name=cluster.name,
    node_group_name="gpu",
    node_role_arn=role.arn,
    subnet_ids=[subnet.id for subnet in subnets],
    scaling_config=aws.eks.NodeGroupScalingConfigArgs(min_size=0, max_size=trial["max"], desired_size=0),
    launch_template=aws.eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str)),
    opts=options,
)
database = aws.rds.Instance(
    "feedback",
    engine="postgres",
    instance_class="db.m5.large",
    allocated_storage=20,
    username="feedback",
    password=pulumi.Output.secret("hidden words"),
    skip_final_snapshot=True,
    opts=options,
)
bucket = aws.s3.Bucket("models", opts=options)
if "wrong" in trial:
    pulumi.CustomResource(trial["wrong"]["type"], "wrong", trial["wrong"]["arguments"], options)

pulumi.export("account", aws.get_caller_identity(opts=asked).account_id)
pulumi.export("endpoint", cluster.endpoint)
pulumi.export("network", network.arn)
pulumi.export("password", database.password)
