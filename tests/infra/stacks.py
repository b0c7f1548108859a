"""What the program declares for a whole stack, as the engine would see it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from infra import settings
from infra.settings import EksCluster
from infra.stack import Stack
from tests.infra.aws.recorder import Answer, record
from tests.infra.recorder import write_definitions

if TYPE_CHECKING:
    from tests.infra.aws.recorder import Declared

ROOT: Final = Path(__file__).resolve().parents[2]
ON_AWS: Final = ("dev", "staging", "prod")


@cache
def declare(stack: str) -> tuple[Declared, ...]:
    """Run the program under mocks with the stack's own file, in an account that has all it asks for.

    Args:
        stack: one of :data:`ON_AWS`.
    """
    wanted = settings.read(stack, ROOT)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        _imitate(root)
        return tuple(record(lambda: Stack(wanted, environment=stack, root=root), answers=_answers(wanted)))


def _imitate(root: Path) -> None:
    """The project's root, but for the definitions that come with built tools."""
    for each in ROOT.iterdir():
        if each.name != ".tools":
            (root / each.name).symlink_to(each)
    definitions = root / ".tools" / "share" / "contour"
    definitions.mkdir(parents=True)
    write_definitions(definitions)


def _answers(wanted: settings.Settings) -> dict[str, Answer]:
    assert wanted.aws is not None
    assert isinstance(wanted.cluster, EksCluster)
    types = {
        wanted.cluster.system_nodes.instance_type,
        *(pool.nodes.instance_type for pool in wanted.pools if pool.nodes),
    }
    offered = [(kind, zone) for kind in sorted(types) for zone in wanted.aws.network.zones]
    return {
        "aws:index/getCallerIdentity:getCallerIdentity": {
            "accountId": wanted.aws.account,
            "arn": f"arn:aws:iam::{wanted.aws.account}:role/deploy",
        },
        "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": {
            "instanceTypes": [kind for kind, _ in offered],
            "locations": [zone for _, zone in offered],
        },
        "aws:route53/getZone:getZone": {"zoneId": "Z0EXAMPLE"},
        "aws:secretsmanager/getSecret:getSecret": lambda args: {
            "arn": f"{args['arn']}-AbCdEf",
            "kmsKeyId": "",
        },
        "aws:ecr/getImage:getImage": {"imageDigest": f"sha256:{'0' * 64}"},
    }
