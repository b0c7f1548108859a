"""What a tag of an image means today, asked of its registry: the OCI distribution API, anonymously.

Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md and
https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_REFERENCE = re.compile(r"(?P<registry>[^/@]+)/(?P<repository>[^@:]+):(?P<tag>[^@]+)@(?P<digest>sha256:[0-9a-f]{64})")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
# Where Docker Hub's API is, whose images are called docker.io/….
_DOCKER_HUB = {"docker.io": "registry-1.docker.io"}
_TIMEOUT = httpx.Timeout(10.0)


class RegistryError(Exception):
    """A registry did not say what a tag means; the message is one sentence about which and why."""


@dataclass(frozen=True, kw_only=True)
class PinnedImage:
    """An image that a stack file names by tag and digest.

    Attributes:
        registry: its host, for example ``ghcr.io``.
        repository: its name there.
        tag: the release.
        digest: what runs.
    """

    registry: str
    repository: str
    tag: str
    digest: str

    @property
    def tagged(self) -> str:
        """Without the digest, for people."""
        return f"{self.registry}/{self.repository}:{self.tag}"

    def __str__(self) -> str:
        """As the stack file has it."""
        return f"{self.tagged}@{self.digest}"


def parse(reference: str) -> PinnedImage | None:
    """The parts of a reference, or None if it has no tag beside its digest."""
    match = _REFERENCE.fullmatch(reference)
    return PinnedImage(**match.groupdict()) if match else None


def current_digest(image: PinnedImage) -> str:
    """What the tag means today: the digest of the stack file, as long as the tag still leads to it.

    A tag may lead to an index of one manifest for each platform; the index and each of its manifests are fine.

    Raises:
        RegistryError: the registry does not answer, knows no such tag, or answers nonsense.
    """
    host = _DOCKER_HUB.get(image.registry, image.registry)
    # As container engines do: what is on this machine needs no TLS.
    scheme = "http" if host.split(":")[0] in ("127.0.0.1", "localhost") else "https"
    url = f"{scheme}://{host}/v2/{image.repository}/manifests/{image.tag}"
    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
            answer = _get(client, url)
            members: list[dict[str, Any]] = answer.json().get("manifests", [])
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        raise RegistryError(f"{image.tagged}: {host} did not answer ({_reason(error)})") from None
    # What was received, not what a header says of it.
    digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    return image.digest if image.digest in (digest, *(each.get("digest") for each in members)) else digest


def _get(client: httpx.Client, url: str) -> httpx.Response:
    accept = {"Accept": ", ".join(_KINDS)}
    answer = client.get(url, headers=accept)
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        answer = client.get(url, headers={**accept, "Authorization": f"Bearer {_token(client, answer.headers)}"})
    return answer.raise_for_status()


def _token(client: httpx.Client, headers: Mapping[str, str]) -> str:
    """A token for anybody, from where the registry says."""
    challenge = dict(_CHALLENGE.findall(headers.get("www-authenticate", "")))
    realm = challenge.pop("realm", "")
    answer = client.get(realm, params=challenge).raise_for_status().json()
    return answer.get("token") or answer["access_token"]


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"status {error.response.status_code}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
