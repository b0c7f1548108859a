"""PostgreSQL for feedback: encrypted, in private subnets, and with a password that only AWS and the pods know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import naming

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi_aws.rds.outputs import InstanceMasterUserSecret

    from infra.settings import Database as DatabaseSettings

PORT = 5432
# A change of one of these makes a new, empty instance.
ENGINE = "postgres"
USER = "inferstack"
DATABASE = "feedback"


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """What the database is made from.

    Attributes:
        environment: the stack.
        database: the settings.
        vpc_id: the network that it is in.
        subnet_ids: private subnets in two zones at least.
        clients: the security groups that may connect, by a word for who that is.
        key_arn: the KMS key of the storage, the backups and the password.
        protect: whether deleting it is refused, here and by AWS, and leaves a last snapshot.
    """

    environment: str
    database: DatabaseSettings
    vpc_id: pulumi.Input[str]
    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    clients: Mapping[str, pulumi.Input[str]]
    key_arn: pulumi.Input[str]
    protect: bool


class Database(pulumi.ComponentResource):
    """An RDS instance with its subnets, its firewall and its parameters.

    Attributes:
        address: host name of the instance.
        port: its port.
        database: the database that feedback goes to.
        secret_arn: the secret of Secrets Manager with ``username`` and ``password``; RDS rotates it every seven days.
        key_arn: what reads the secret must be allowed to use.
    """

    address: pulumi.Output[str]
    port: int
    database: str
    secret_arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:Database", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        identifier = naming.aws_name(args.environment, name)
        settings = args.database
        subnets = aws.rds.SubnetGroup(
            name, name_prefix=f"{identifier}-", description="Private subnets", subnet_ids=args.subnet_ids, opts=child
        )
        instance = aws.rds.Instance(
            name,
            identifier=identifier,
            engine=ENGINE,
            engine_version=settings.version,
            instance_class=settings.instance_class,
            db_name=DATABASE,
            username=USER,
            # Made, kept and rotated by AWS: neither the settings nor the state ever hold it.
            manage_master_user_password=True,
            master_user_secret_kms_key_id=args.key_arn,
            port=PORT,
            allocated_storage=settings.storage_gib,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=args.key_arn,
            multi_az=settings.multi_az,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[self._firewall(name, identifier, args)],
            publicly_accessible=False,
            parameter_group_name=self._parameters(name, identifier, settings.version),
            backup_retention_period=settings.backup_days,
            backup_window="01:00-02:00",
            maintenance_window="sun:02:30-sun:03:30",
            copy_tags_to_snapshot=True,
            # The version is in the stack file and reaches staging before prod. Were AWS to raise it by itself, the
            # next update would ask for a downgrade, which RDS refuses.
            auto_minor_version_upgrade=False,
            # A new major version needs a plan of its own; RDS then refuses what a slip in the stack file asks for.
            allow_major_version_upgrade=False,
            apply_immediately=not args.protect,
            deletion_protection=args.protect,
            delete_automated_backups=not args.protect,
            skip_final_snapshot=not args.protect,
            final_snapshot_identifier=f"{identifier}-final" if args.protect else None,
            enabled_cloudwatch_logs_exports=["postgresql", "upgrade"],
            # A week of it costs nothing.
            performance_insights_enabled=True,
            performance_insights_kms_key_id=args.key_arn,
            performance_insights_retention_period=7,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        self.address = instance.address
        self.port = PORT
        self.database = DATABASE
        self.secret_arn = instance.master_user_secrets.apply(_secret_arn)
        self.key_arn = pulumi.Output.from_input(args.key_arn)
        self.register_outputs({"address": self.address, "secretArn": self.secret_arn})

    def _firewall(self, name: str, identifier: str, args: DatabaseArgs) -> pulumi.Output[str]:
        """The security group: in from the clients alone, out to nowhere."""
        child = pulumi.ResourceOptions(parent=self)
        group = aws.ec2.SecurityGroup(
            name,
            name_prefix=f"{identifier}-",
            description="PostgreSQL for the pods of the cluster",
            vpc_id=args.vpc_id,
            opts=child,
        )
        for client, group_id in args.clients.items():
            aws.vpc.SecurityGroupIngressRule(
                f"{name}-from-{client}",
                description=f"PostgreSQL from {client}",
                security_group_id=group.id,
                referenced_security_group_id=group_id,
                ip_protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                opts=child,
            )
        return group.id

    def _parameters(self, name: str, identifier: str, version: str) -> pulumi.Output[str]:
        """The parameter group. It may change with a major version: the new one comes before the old one goes."""
        major = version.split(".", maxsplit=1)[0]
        group = aws.rds.ParameterGroup(
            name,
            name_prefix=f"{identifier}-{ENGINE}{major}-",
            family=f"{ENGINE}{major}",
            description="TLS only",
            parameters=[aws.rds.ParameterGroupParameterArgs(name="rds.force_ssl", value="1")],
            opts=pulumi.ResourceOptions(parent=self),
        )
        return group.name


def _secret_arn(secrets: Sequence[InstanceMasterUserSecret]) -> str:
    arn = secrets[0].secret_arn
    assert arn is not None  # noqa: S101  # optional only because the SDK calls every output of a list so
    return arn
