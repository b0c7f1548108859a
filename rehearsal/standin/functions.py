"""The functions (data sources) that the stand-in answers; to add one, write it here and name its token."""

from collections.abc import Callable, Mapping

from rehearsal.standin import offerings, policy_document
from rehearsal.standin.cloud import Cloud
from rehearsal.standin.templates import letters
from rehearsal.standin.values import Properties, Secret, Value

Arguments = Mapping[str, Value]
Function = Callable[[Cloud, Arguments], Properties]

_MEBIBYTE = 1024 * 1024


class NoAnswerError(Exception):
    """AWS would not find what is asked for; the text says what was."""


def caller_identity(cloud: Cloud, _: Arguments) -> Properties:
    """Answer who is calling: the account that the rehearsal names."""
    account = cloud.told.account
    return {
        "accountId": account,
        "arn": f"arn:{cloud.partition}:sts::{account}:assumed-role/stand-in/rehearsal",
        "id": account,
        "userId": f"AROA{letters('upper', 17, account)}:rehearsal",
    }


def region(cloud: Cloud, args: Arguments) -> Properties:
    """Answer which region this is."""
    name = args.get("region") or args.get("name") or cloud.region
    return {
        "description": str(name),
        "endpoint": f"ec2.{name}.{cloud.domain}",
        "id": name,
        "name": name,
        "region": name,
    }


def partition(cloud: Cloud, _: Arguments) -> Properties:
    """Answer which part of AWS this is."""
    return {
        "dnsSuffix": cloud.domain,
        "id": cloud.partition,
        "partition": cloud.partition,
        "reverseDnsPrefix": ".".join(reversed(cloud.domain.split("."))),
    }


def availability_zones(cloud: Cloud, args: Arguments) -> Properties:
    """Answer the zones of a region."""
    where = str(args.get("region") or cloud.region)
    names: list[Value] = [*offerings.zones(where)]
    if not names:
        raise NoAnswerError(f"the offerings of {where} are not in offerings.json")
    return {
        **args,
        "groupNames": [where],
        "id": where,
        "names": names,
        "region": where,
        "zoneIds": [f"{where}-az{index + 1}" for index in range(len(names))],
    }


def instance_type_offerings(cloud: Cloud, args: Arguments) -> Properties:
    """Answer where instance types are offered, from EC2's own tables."""
    where = str(args.get("region") or cloud.region)
    kind = str(args.get("locationType") or "region")
    filters = {str(entry["name"]): _texts(entry["values"]) for entry in _objects(args.get("filters"))}
    unknown = set(filters) - {"instance-type", "location"}
    if kind not in {"region", "availability-zone"} or unknown:
        raise NoAnswerError(f"location type {kind} with filters {sorted(filters)} is not rehearsed")
    found = offerings.find(where, by_zone=kind == "availability-zone", filters=filters)
    return {
        **args,
        "id": where,
        "instanceTypes": [name for name, _ in found],
        "locations": [location for _, location in found],
        "locationTypes": [kind for _ in found],
        "region": where,
    }


def policy(_: Cloud, args: Arguments) -> Properties:
    """Render an IAM policy document."""
    text, minified = policy_document.render(args)
    return {**args, "id": letters("digits", 10, text), "json": text, "minifiedJson": minified}


def image(cloud: Cloud, args: Arguments) -> Properties:
    """Answer the image of a tag: its digest follows from repository and tag."""
    repository, tag = str(args.get("repositoryName") or ""), str(args.get("imageTag") or "latest")
    if not repository:
        raise NoAnswerError("repositoryName is empty")
    where = str(args.get("region") or cloud.region)
    account = args.get("registryId") or cloud.told.account
    digest = args.get("imageDigest") or f"sha256:{letters('hex', 64, f'{account}/{repository}:{tag}')}"
    return {
        **args,
        "id": digest,
        "imageDigest": digest,
        "imagePushedAt": 946684800,
        "imageSizeInBytes": 512 * _MEBIBYTE,
        "imageTag": tag,
        "imageTags": [tag],
        "imageUri": f"{account}.dkr.ecr.{where}.{cloud.domain}/{repository}@{digest}",
        "region": where,
        "registryId": account,
    }


def parameter(cloud: Cloud, args: Arguments) -> Properties:
    """Answer a public parameter of Systems Manager: the images that EKS recommends, and nothing else."""
    name = str(args.get("name"))
    if not name.startswith("/aws/service/"):
        raise NoAnswerError(f"the parameter {name} is not public, so a rehearsal cannot know it")
    seed = f"{cloud.region}{name}"
    value = f"ami-{letters('hex', 17, seed)}"
    if name.endswith("/release_version"):
        kubernetes = next((part for part in name.split("/") if part[:2] == "1."), "1.0")
        value = f"{kubernetes}.0-20000101"
    where = args.get("region") or cloud.region
    return {
        **args,
        "arn": f"arn:{cloud.partition}:ssm:{where}::parameter{name}",
        "id": name,
        "insecureValue": value,
        "region": where,
        "type": "String",
        "value": Secret(value),
        "version": 1,
        "withDecryption": args.get("withDecryption") is not False,
    }


def addon_version(cloud: Cloud, args: Arguments) -> Properties:
    """Answer a version of an add-on: well-formed, and no more than that."""
    return {
        **args,
        "id": args.get("addonName"),
        "mostRecent": bool(args.get("mostRecent")),
        "region": args.get("region") or cloud.region,
        "version": "v1.0.0-eksbuild.1",
    }


def zone(cloud: Cloud, args: Arguments) -> Properties:
    """Answer the hosted zone of a name, or the one of an id."""
    name = str(args.get("name") or "example.com").rstrip(".")
    zone_id = args.get("zoneId") or f"Z{letters('upper', 20, name)}"
    return {
        **args,
        "arn": f"arn:{cloud.partition}:route53:::hostedzone/{zone_id}",
        "callerReference": "stand-in",
        "comment": "",
        "id": zone_id,
        "name": name,
        "nameServers": ["ns-1.awsdns-00.com", "ns-2.awsdns-00.net", "ns-3.awsdns-00.org", "ns-4.awsdns-00.co.uk"],
        "primaryNameServer": "ns-1.awsdns-00.com",
        "privateZone": bool(args.get("privateZone")),
        "resourceRecordSetCount": 2,
        "zoneId": zone_id,
    }


def secret(cloud: Cloud, args: Arguments) -> Properties:
    """Answer a secret of Secrets Manager by its name or ARN: that it is there, and nothing of its value."""
    asked = str(args.get("arn") or args.get("name") or "")
    if not asked:
        raise NoAnswerError("neither arn nor name is there")
    where = str(args.get("region") or cloud.region)
    name = asked.rpartition(":secret:")[2]
    arn = f"arn:{cloud.partition}:secretsmanager:{where}:{cloud.told.account}:secret:{name}"
    if asked.startswith("arn:") and asked != arn:
        raise NoAnswerError(f"{asked} is of another account or region")
    whole = f"{arn}-{letters('mixed', 6, name)}"
    return {
        **args,
        "arn": whole,
        "createdDate": "2000-01-01T00:00:00Z",
        "description": "",
        "id": whole,
        "kmsKeyId": "",
        "lastChangedDate": "2000-01-01T00:00:00Z",
        "name": name,
        "policy": "",
        "region": where,
        "type": "",
    }


def prefix_list(cloud: Cloud, args: Arguments) -> Properties:
    """Answer the id of the prefix list of an AWS service."""
    name = str(args.get("name") or f"com.amazonaws.{cloud.region}.s3")
    listed = args.get("prefixListId") or f"pl-{letters('hex', 8, name)}"
    return {**args, "cidrBlocks": [], "id": listed, "name": name, "region": args.get("region") or cloud.region}


KNOWN: Mapping[str, Function] = {
    "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
    "aws:index/getRegion:getRegion": region,
    "aws:index/getPartition:getPartition": partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones,
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": instance_type_offerings,
    "aws:ec2/getPrefixList:getPrefixList": prefix_list,
    "aws:iam/getPolicyDocument:getPolicyDocument": policy,
    "aws:ecr/getImage:getImage": image,
    "aws:secretsmanager/getSecret:getSecret": secret,
    "aws:ssm/getParameter:getParameter": parameter,
    "aws:eks/getAddonVersion:getAddonVersion": addon_version,
    "aws:route53/getZone:getZone": zone,
}
"""Every function, by its token."""


def _objects(value: Value) -> list[Mapping[str, Value]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _texts(value: Value) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
