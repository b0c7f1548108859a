"""Certificates, keys and kubeconfigs."""

import base64
import ipaddress
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store

from local import certificates, kubeconfigs
from local.paths import Paths
from local.plan import PORT_NAMES, Plan

PLAN = Plan(
    ports={name: 23100 + index for index, name in enumerate(PORT_NAMES)},
    pod_cidr="10.201.0.0/22",
    service_cidr="10.201.8.0/22",
    simulated_cidr="10.201.16.0/20",
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A checkout with issued certificates."""
    paths = Paths(checkout=tmp_path)
    certificates.issue_all(paths.pki, certificates.leaves(PLAN))
    return paths


def _load(paths: Paths, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((paths.pki / f"{name}.crt").read_bytes())


@pytest.mark.parametrize("host", [PLAN.gateway, PLAN.apiserver_service, "127.0.0.1"])
def test_the_api_server_is_trusted_at_every_address_that_it_has(paths: Paths, host: str) -> None:
    """A client with our authority verifies the API server on the bridge, by the Service and on loopback."""
    verifier = (
        PolicyBuilder()
        .store(Store([_load(paths, "ca")]))
        .build_server_verifier(x509.IPAddress(ipaddress.ip_address(host)))
    )
    chain = verifier.verify(_load(paths, "apiserver"), [])
    assert len(chain) == 2


def test_authorities_do_not_vouch_for_each_other(paths: Paths) -> None:
    """A certificate of the cluster's authority is no client of etcd."""
    issuers = {leaf.name: _load(paths, leaf.name).issuer for leaf in certificates.leaves(PLAN)}
    assert issuers["etcd-client"] != issuers["admin"] != issuers["front-proxy-client"]
    _load(paths, "admin").verify_directly_issued_by(_load(paths, "ca"))
    with pytest.raises(ValueError, match="Issuer"):
        _load(paths, "admin").verify_directly_issued_by(_load(paths, "etcd-ca"))


def test_keys_match_and_are_private(paths: Paths) -> None:
    """Each leaf's key is its certificate's, and no key is readable by others."""
    for leaf in certificates.leaves(PLAN):
        key = load_pem_private_key((paths.pki / f"{leaf.name}.key").read_bytes(), password=None)
        assert key.public_key() == _load(paths, leaf.name).public_key()
    assert {file.stat().st_mode & 0o777 for file in paths.pki.iterdir()} == {0o600}


def test_a_second_issue_keeps_authorities_and_the_token_key(paths: Paths) -> None:
    """Clients and service account tokens of an interrupted cluster stay valid."""
    kept = [paths.pki / name for name in ("ca.crt", "etcd-ca.crt", "front-proxy-ca.crt", "service-account.key")]
    before = [file.read_bytes() for file in kept]
    certificates.issue_all(paths.pki, certificates.leaves(PLAN))
    assert [file.read_bytes() for file in kept] == before


def test_kubeconfigs_are_complete_and_private(paths: Paths) -> None:
    """Each client has a kubeconfig of mode 600 with its own certificate and the API server's address."""
    kubeconfigs.write_all(paths, PLAN)
    for client in kubeconfigs.CLIENTS:
        file = paths.kubeconfigs / client
        config = json.loads(file.read_text())
        pem = base64.b64decode(config["users"][0]["user"]["client-certificate-data"])
        assert file.stat().st_mode & 0o777 == 0o600
        assert config["clusters"][0]["cluster"]["server"] == PLAN.apiserver_url
        assert x509.load_pem_x509_certificate(pem) == _load(paths, client)
