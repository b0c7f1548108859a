"""The cluster's certificate authorities, certificates and keys."""

import datetime as dt
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.paths import NAME, write_private
from local.plan import Plan

VALIDITY = dt.timedelta(days=365)
# Clocks step back, in virtual machines above all.
_BACKDATED = dt.timedelta(hours=1)

CLUSTER, ETCD, FRONT_PROXY = "ca", "etcd-ca", "front-proxy-ca"


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One certificate to issue: its file name, its authority, who it speaks for, and the names it serves."""

    name: str
    authority: str
    common_name: str
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def control_plane_leaves(*, address: str, service_address: str) -> tuple[Leaf, ...]:
    """Return the certificates of a control plane and KWOK. Users and groups are those that Kubernetes' roles name.

    Args:
        address: where the API server listens.
        service_address: of the `kubernetes` Service.
    """
    return (
        Leaf(
            name="apiserver",
            authority=CLUSTER,
            common_name="kube-apiserver",
            hosts=(
                *dict.fromkeys((address, service_address, "127.0.0.1")),
                "localhost",
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
            ),
        ),
        Leaf(name="loopback-server", authority=CLUSTER, common_name="loopback", hosts=("127.0.0.1", "localhost")),
        Leaf(name="apiserver-kubelet-client", authority=CLUSTER, common_name="kube-apiserver-kubelet-client"),
        Leaf(name="admin", authority=CLUSTER, common_name=f"{NAME}-admin", groups=("system:masters",)),
        Leaf(name="controller-manager", authority=CLUSTER, common_name="system:kube-controller-manager"),
        Leaf(name="scheduler", authority=CLUSTER, common_name="system:kube-scheduler"),
        Leaf(name="kwok", authority=CLUSTER, common_name="inferstack:kwok"),
        Leaf(name="etcd", authority=ETCD, common_name="etcd", hosts=("127.0.0.1", "localhost")),
        Leaf(name="etcd-client", authority=ETCD, common_name="kube-apiserver"),
        Leaf(name="front-proxy-client", authority=FRONT_PROXY, common_name="front-proxy-client"),
    )


def leaves(plan: Plan) -> tuple[Leaf, ...]:
    """Return every certificate of the embedded cluster: its control plane's and its node's."""
    return (
        *control_plane_leaves(address=plan.gateway, service_address=plan.apiserver_service),
        Leaf(name="kubelet-server", authority=CLUSTER, common_name=f"system:node:{NAME}", hosts=(NAME, plan.gateway)),
        Leaf(name="kubelet", authority=CLUSTER, common_name=f"system:node:{NAME}", groups=("system:nodes",)),
        Leaf(name="proxy", authority=CLUSTER, common_name="system:kube-proxy"),
        Leaf(name="coredns", authority=CLUSTER, common_name="inferstack:coredns"),
        Leaf(name="node-gpus", authority=CLUSTER, common_name="inferstack:node-gpus"),
    )


def issue_all(directory: Path, wanted: Iterable[Leaf]) -> None:
    """Write `NAME.crt` and `NAME.key` (mode 600) for the authorities, every leaf and the service account issuer.

    Authorities and the service account key are kept if they are there, so that clients and tokens of an interrupted
    cluster stay valid; leaves are issued anew, since their addresses follow the plan.
    """
    authorities = {name: _authority(directory, name) for name in (CLUSTER, ETCD, FRONT_PROXY)}
    for leaf in wanted:
        _issue(directory, leaf, *authorities[leaf.authority])
    if not (directory / "service-account.key").exists():
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(directory / "service-account.pub", _public_pem(key))
        write_private(directory / "service-account.key", _private_pem(key))


def _authority(directory: Path, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_file, key_file = directory / f"{name}.crt", directory / f"{name}.key"
    if certificate_file.exists() and key_file.exists():
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        half_life = dt.datetime.now(dt.UTC) + VALIDITY / 2
        if isinstance(key, ec.EllipticCurvePrivateKey) and certificate.not_valid_after_utc > half_life:
            return certificate, key
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{NAME} {name}")])
    certificate = (
        _builder(subject=subject, issuer=subject, key=key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(key_file, _private_pem(key))
    write_private(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _issue(directory: Path, leaf: Leaf, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.groups),
            x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name),
        ]
    )
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if leaf.hosts:
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
    builder = (
        _builder(subject=subject, issuer=authority.subject, key=key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    if leaf.hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(_names(leaf.hosts)), critical=False)
    certificate = builder.sign(authority_key, hashes.SHA256())
    write_private(directory / f"{leaf.name}.key", _private_pem(key))
    write_private(directory / f"{leaf.name}.crt", certificate.public_bytes(serialization.Encoding.PEM))


def _builder(*, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + VALIDITY)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
