"""A certificate by which the API server knows a server that it passes requests on to."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi_kubernetes.core.v1 import Secret

if TYPE_CHECKING:
    from infra.kubernetes.scope import Scope

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
# Nobody trusts it but the one APIService that holds it, so it need not be renewed to be forgotten.
_LIFE: Final = timedelta(days=3650)


@dataclass(frozen=True, kw_only=True)
class ServingCertificate:
    """A Secret with a certificate and its key.

    Attributes:
        secret: its name.
        authority: the certificate, which nobody else signed, in base64: an APIService's ``caBundle``.
    """

    secret: pulumi.Output[str]
    authority: pulumi.Output[str]


def declare_certificate(scope: Scope, name: str, *, host: str) -> ServingCertificate:
    """Declare the Secret.

    What is made in the first update stays: each later run of the program makes another pair, which is ignored. The key
    is a secret of the stack's state too. `pulumi up --replace` of the Secret renews it.

    Args:
        scope: of the component.
        name: of the Secret.
        host: the name by which the API server calls.
    """
    secret = Secret(
        name,
        metadata=scope.metadata(name),
        type="kubernetes.io/tls",
        data=pulumi.Output.secret(_pair(host)),
        opts=pulumi.ResourceOptions.merge(scope.child(), pulumi.ResourceOptions(ignore_changes=["data"])),
    )
    authority = pulumi.Output.unsecret(secret.data.apply(lambda data: data[CERTIFICATE]))
    return ServingCertificate(secret=secret.metadata.name, authority=authority)


def _pair(host: str) -> dict[str, str]:
    # Imported here: a stack that scales nothing need not wait for it.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host[:64])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of nodes may be a little behind.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = {CERTIFICATE: certificate.public_bytes(serialization.Encoding.PEM), KEY: private}
    return {part: base64.b64encode(text).decode() for part, text in pem.items()}
