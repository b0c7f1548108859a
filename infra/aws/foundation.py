"""What a stack on AWS stands on: a table of contents of everything below Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from infra import naming
from infra.aws import deployment, keys, provider, workloads
from infra.aws.access import Grant
from infra.aws.boundary import Boundary, BoundaryArgs
from infra.aws.break_glass import BreakGlass, BreakGlassArgs
from infra.aws.ci import CiAccess, CiAccessArgs
from infra.aws.database import Database, DatabaseArgs
from infra.aws.eks import Eks, EksArgs
from infra.aws.endpoints import Endpoints, EndpointsArgs
from infra.aws.identity import PodRole, PodRoleArgs, ServiceAccount
from infra.aws.keys import EncryptionKey, EncryptionKeyArgs
from infra.aws.load_balancer import LoadBalancer, LoadBalancerArgs
from infra.aws.network import Network, NetworkArgs
from infra.aws.nodes import Nodes, NodesArgs
from infra.aws.registry import Registry, RegistryArgs
from infra.aws.runner import Runner, RunnerArgs
from infra.aws.storage import ENGINES, Storage, StorageArgs
from infra.cluster import ClusterAccess
from infra.kubernetes.engine_cache import EngineBucket
from infra.settings import Aws, EksCluster, OwnedRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from infra.aws.policy_document import Statement
    from infra.settings import Service, Settings


class Foundation(pulumi.ComponentResource):
    """Network, cluster, node pools, registry, storage, database, identities and the way in.

    Attributes:
        access: what the part above the cluster needs of it.
        builds: whether this stack builds the serving images, or finds those that another built.
        registry: where images are.
        region: where it is.
        zones: the availability zones.
        database: of feedback.
        engine_bucket: where engines lie.
        volume_key_arn: the KMS key of the volumes of pods.
        cluster_name: of the EKS cluster, known once its nodes are there.
        receiver_secrets: ARNs of the secrets that hold URLs of receivers of alerts, by receiver.
    """

    access: ClusterAccess
    builds: bool
    registry: Registry
    region: str
    zones: tuple[str, ...]
    database: Database
    engine_bucket: EngineBucket
    volume_key_arn: pulumi.Output[str]
    cluster_name: pulumi.Output[str]
    receiver_secrets: Mapping[str, str]

    def __init__(self, settings: Settings, *, environment: str, source: Path) -> None:
        """Declare everything.

        Args:
            settings: of a stack on EKS.
            environment: the stack.
            source: the stack file that errors point to.

        Raises:
            SettingsError: the credentials are not the account's, or the region lacks what the settings name; nothing
                has been touched then.
        """
        assert settings.aws is not None  # noqa: S101  # the settings allow EKS with it only
        assert isinstance(settings.cluster, EksCluster)  # noqa: S101
        account, cluster = settings.aws, settings.cluster
        pinned = provider.pinned_provider(account, environment)
        provider.check_account(account, pinned, source=source)
        zones = provider.check_zones(settings, account, pinned, source=source)
        hosted_zone = provider.hosted_zone(account.ingress, pinned, source=source)
        secrets = provider.receiver_secrets(settings.monitoring, pinned, source=source)
        self.receiver_secrets = {receiver: secret.arn for receiver, secret in secrets.items()}

        super().__init__("inferstack:aws:Foundation", "aws", None, pulumi.ResourceOptions(provider=pinned))
        self._environment, self._account = environment, account
        self.region, self.zones = account.region, account.network.zones
        self._child = child = pulumi.ResourceOptions(parent=self)
        scope = deployment.Scope(
            environment=environment,
            account=account.account,
            region=account.region,
            domain=account.ingress.domain,
        )
        self._boundary = Boundary(
            "boundary", BoundaryArgs(environment=environment, regions=_regions(account)), opts=child
        )

        logs_key = self._key("logs", "Log groups", keys.for_logs(account=account.account, region=account.region))
        network = Network(
            "network",
            NetworkArgs(
                environment=environment,
                network=account.network,
                log_key_arn=logs_key.arn,
                boundary_arn=self._boundary.arn,
            ),
            opts=child,
        )
        private_subnets = list(network.private_subnet_ids.values())
        Endpoints(
            "endpoints",
            EndpointsArgs(
                environment=environment,
                aws=account,
                vpc_id=network.vpc_id,
                subnet_ids=private_subnets,
                route_table_ids=network.private_route_table_ids,
            ),
            opts=child,
        )

        ci = CiAccess("ci", CiAccessArgs(scope=scope, ci=account.ci), opts=child)
        grants = {_short(arn): _administrator(arn) for arn in cluster.administrators}
        grants |= {
            "deploy": _administrator(ci.deploy_role_arn),
            "preview": Grant(principal_arn=ci.preview_role_arn, policy="AmazonEKSViewPolicy"),
        }
        if account.break_glass:
            people = BreakGlass("break-glass", BreakGlassArgs(scope=scope, break_glass=account.break_glass), opts=child)
            grants["break-glass"] = _administrator(people.role_arn)
        eks = Eks(
            "cluster",
            EksArgs(
                environment=environment,
                aws=account,
                cluster=cluster,
                subnet_ids=private_subnets,
                secrets_key_arn=self._key("cluster", "Secrets of Kubernetes").arn,
                log_key_arn=logs_key.arn,
                boundary_arn=self._boundary.arn,
                grants=grants,
            ),
            opts=child,
        )
        if not cluster.public_access:
            Runner(
                "runner",
                RunnerArgs(
                    environment=environment,
                    account=account.account,
                    region=account.region,
                    repository=account.ci.repository,
                    vpc_id=network.vpc_id,
                    subnet_ids=private_subnets,
                    api_server_group_id=eks.security_group_id,
                    boundary_arn=self._boundary.arn,
                    log_key_arn=logs_key.arn,
                    log_days=cluster.log_days,
                ),
                opts=child,
            )

        data_key = self._key("data", "Models, engines, images, feedback and volumes")
        self.volume_key_arn = data_key.arn
        self._storage = Storage(
            "storage",
            StorageArgs(
                environment=environment, account=account.account, key_arn=data_key.arn, protect=account.protect
            ),
            opts=child,
        )
        self.engine_bucket = EngineBucket(name=self._storage.bucket, region=account.region, prefix=ENGINES)
        self.database = Database(
            "database",
            DatabaseArgs(
                environment=environment,
                database=account.database,
                vpc_id=network.vpc_id,
                subnet_ids=private_subnets,
                clients={"pods": eks.security_group_id},
                key_arn=data_key.arn,
                protect=account.protect,
            ),
            opts=child,
        )
        self.registry = Registry(
            "registry",
            RegistryArgs(
                registry=account.registry,
                account=account.account,
                region=account.region,
                services=[service.name for service in settings.services],
                key_arn=data_key.arn,
                protect=account.protect,
            ),
            opts=child,
        )
        self.builds = isinstance(account.registry, OwnedRegistry)

        nodes = Nodes(
            "nodes",
            NodesArgs(
                environment=environment,
                region=account.region,
                cluster=cluster,
                pools=settings.pools,
                cluster_name=eks.name,
                subnet_ids=network.private_subnet_ids,
                zones=zones,
                boundary_arn=self._boundary.arn,
                volume_key_arn=data_key.arn,
            ),
            opts=child,
        )
        self.cluster_name = nodes.cluster_name
        pod_roles = [
            self._pod_role(
                eks.name,
                "autoscaler",
                f"{naming.SYSTEM_NAMESPACE}/cluster-autoscaler",
                statements=workloads.autoscaler(naming.aws_name(environment)),
            )
        ]
        if secrets:
            reads = workloads.alertmanager(list(secrets.values()), region=account.region)
            pod_roles.append(
                self._pod_role(
                    eks.name, "alertmanager", f"{naming.MONITORING_NAMESPACE}/alertmanager", statements=reads
                )
            )
        for service in settings.services:
            pod_roles += self._service_roles(service, eks.name)
        balancer = LoadBalancer(
            "ingress",
            LoadBalancerArgs(
                environment=environment,
                ingress=account.ingress,
                vpc_id=network.vpc_id,
                subnet_ids=list(
                    (
                        network.private_subnet_ids
                        if account.ingress.scheme == "internal"
                        else network.public_subnet_ids
                    ).values()
                ),
                node_security_group_id=eks.security_group_id,
                autoscaling_group_name=nodes.system_group_name,
                node_port=settings.gateway.node_port,
                zone_id=hosted_zone,
                protect=account.protect,
            ),
            opts=child,
        )
        self.access = ClusterAccess(
            provider=kubernetes.Provider(
                "cluster",
                kubeconfig=eks.kubeconfig,
                # Objects of a cluster that is replaced are gone with it.
                cluster_identifier=eks.endpoint,
                # As in infra.cluster.
                enable_config_map_mutable=True,
                # A pod that starts before its account has a role never gets it.
                opts=pulumi.ResourceOptions(parent=self, depends_on=[nodes, *pod_roles]),
            ),
            registry=self.registry.prefix,
            builder=None,
            entry=balancer.endpoint,
        )
        self.register_outputs({"cluster": eks.name, "endpoint": balancer.endpoint})

    def find_image(self, service: str, tag: str) -> pulumi.Output[str]:
        """The digest of an image that another stack built: tags of its registry never change."""
        image = aws.ecr.get_image_output(
            registry_id=self.registry.account,
            repository_name=f"{naming.PART_OF}/{service}",
            image_tag=tag,
            region=self.registry.region,
            opts=pulumi.InvokeOutputOptions(parent=self),
        )
        return image.image_digest

    def _key(self, part: str, description: str, *statements: Statement) -> EncryptionKey:
        return EncryptionKey(
            f"{part}-key",
            EncryptionKeyArgs(
                environment=self._environment,
                account=self._account.account,
                part=part,
                description=description,
                protect=self._account.protect,
                statements=statements,
            ),
            opts=self._child,
        )

    def _service_roles(self, service: Service, cluster: pulumi.Input[str]) -> list[PodRole]:
        """The roles of a service's pods: of all slots, filled or not, so that no release changes rights."""
        names = [naming.slot_name(service.name, slot) for slot in service.release.slot_names]
        serving = workloads.serving(
            service.name, region=self._account.region, storage=self._storage, database=self.database
        )
        roles = [
            self._pod_role(
                cluster, service.name, *(f"{naming.SERVICES_NAMESPACE}/{name}" for name in names), statements=serving
            )
        ]
        if service.profile:
            builder = naming.engines_name(service.name)
            role = self._pod_role(
                cluster,
                builder,
                f"{naming.SERVICES_NAMESPACE}/{builder}",
                statements=workloads.engine_build(service.name, region=self._account.region, storage=self._storage),
            )
            roles.append(role)
        return roles

    def _pod_role(
        self,
        cluster: pulumi.Input[str],
        name: str,
        *accounts: str,
        statements: Sequence[Statement],
    ) -> PodRole:
        pairs = [account.split("/") for account in accounts]
        return PodRole(
            name,
            PodRoleArgs(
                environment=self._environment,
                cluster=cluster,
                accounts=[ServiceAccount(namespace=namespace, name=name) for namespace, name in pairs],
                boundary_arn=self._boundary.arn,
                statements=statements,
            ),
            opts=self._child,
        )


def _regions(account: Aws) -> Sequence[str]:
    shared = [] if isinstance(account.registry, OwnedRegistry) else [account.registry.region]
    return list(dict.fromkeys([account.region, *shared]))


def _short(arn: str) -> str:
    """``role-platform-engineers``: EKS takes no second entry of one principal, so an entry must not change its own."""
    return arn.rpartition(":")[2].replace("/", "-")


def _administrator(arn: pulumi.Input[str]) -> Grant:
    return Grant(principal_arn=arn, policy="AmazonEKSClusterAdminPolicy")
