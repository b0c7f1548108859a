"""`python -m infra images`: whether tags still lead to the digests of a stack file."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from infra import pinned_images, settings
from infra.image_registries import PinnedImage, RegistryError, current_digest, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBER: Final = f"sha256:{'1' * 64}"
OLD: Final = f"sha256:{'0' * 64}"
ROOT: Final = Path(__file__).resolve().parents[2]
STACKS: Final = ("dev", "staging", "prod")
INDEX: Final = json.dumps({"manifests": [{"digest": MEMBER, "platform": {"architecture": "amd64"}}]}).encode()
MANIFEST: Final = json.dumps({"config": {}}).encode()
TOKEN: Final = "anybody"  # noqa: S105  what everybody gets


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class _Registry(BaseHTTPRequestHandler):
    """Two tags, one behind a token."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/token":
            asked = "scope=repository%3Aclosed%3Apull" in query and "service=here" in query
            self._answer(200 if asked else 400, json.dumps({"token": TOKEN}).encode())
        elif path == "/v2/open/manifests/v1":
            self._answer(200, INDEX if "image.index" in self.headers["Accept"] else MANIFEST)
        elif path == "/v2/closed/manifests/v1":
            known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            self._answer(200 if known else 401, MANIFEST if known else b"{}")
        elif path == "/v2/broken/manifests/v1":
            self._answer(200, b"<html>")
        else:
            self._answer(404, b"{}")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status == 401:
            realm = f"http://{self.headers['Host']}/token"
            self.send_header(
                "WWW-Authenticate", f'Bearer realm="{realm}",service="here",scope="repository:closed:pull"'
            )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name in the library
        """Say nothing."""


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """The address of a registry on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _image(registry: str, repository: str, digest: str) -> PinnedImage:
    return PinnedImage(registry=registry, repository=repository, tag="v1", digest=digest)


def test_a_reference_has_a_tag_for_people_and_a_digest_for_machines() -> None:
    """Both parts are found in what a stack file has; without a tag there is nothing to ask for."""
    image = parse(f"registry.example/a/b:v1.2@{OLD}")
    assert image == PinnedImage(registry="registry.example", repository="a/b", tag="v1.2", digest=OLD)
    assert str(image) == f"registry.example/a/b:v1.2@{OLD}"
    assert parse(f"registry.example/a/b@{OLD}") is None


def _cluster(stack: str) -> settings.EksCluster:
    cluster = settings.read(stack, ROOT).cluster
    assert isinstance(cluster, settings.EksCluster)
    return cluster


@pytest.mark.parametrize("stack", STACKS)
def test_every_image_of_a_stack_can_be_asked_for(stack: str) -> None:
    """The stack files name each image with its tag."""
    assert all(parse(reference) for reference in _cluster(stack).images.model_dump(exclude_none=True).values())


@pytest.mark.parametrize("stack", STACKS)
def test_the_autoscaler_is_of_the_clusters_version(stack: str) -> None:
    """It simulates the scheduler of its own minor version, and that must be the cluster's."""
    cluster = _cluster(stack)
    image = parse(cluster.images.cluster_autoscaler)
    assert image is not None
    assert image.tag.startswith(f"v{cluster.version}.")


@pytest.mark.parametrize("stack", STACKS)
def test_contour_is_of_the_version_of_its_definitions(stack: str) -> None:
    """The definitions come from the module that the local image is built from."""
    image = parse(_cluster(stack).images.contour)
    module = re.search(r"projectcontour/contour (v\S+)", (ROOT / "tools/go/contour/go.mod").read_text())
    assert image is not None
    assert module is not None
    assert image.tag == module[1]


def test_an_index_and_each_of_its_manifests_are_current(registry: str) -> None:
    """A digest is fine if it is the tag's, or that of one platform under the tag."""
    for digest in (_digest(INDEX), MEMBER):
        assert current_digest(_image(registry, "open", digest)) == digest


def test_an_old_digest_gives_the_new_one(registry: str) -> None:
    """A tag that has moved leads to the digest of what was received."""
    assert current_digest(_image(registry, "open", OLD)) == _digest(INDEX)


def test_a_registry_that_gives_anybody_a_token_is_asked_with_one(registry: str) -> None:
    """The token comes from where the registry says, for what it says."""
    assert current_digest(_image(registry, "closed", OLD)) == _digest(MANIFEST)


@pytest.mark.parametrize(("repository", "said"), [("absent", "status 404"), ("broken", "did not answer")])
def test_a_registry_that_does_not_say_is_one_sentence(registry: str, repository: str, said: str) -> None:
    """What went wrong, and with which image."""
    with pytest.raises(RegistryError, match=said) as refused:
        current_digest(_image(registry, repository, OLD))
    assert f"{registry}/{repository}:v1" in str(refused.value)


def test_without_a_network_the_answer_is_a_sentence() -> None:
    """Nobody listens: the image and its registry are named."""
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:1/a:v1: .* did not answer"):
        current_digest(_image("127.0.0.1:1", "a", OLD))


def _images(image: str, **others: str) -> settings.PlatformImages:
    """All of them the same, but for those named."""
    return settings.PlatformImages.model_validate(dict.fromkeys(settings.PlatformImages.model_fields, image) | others)


def test_digests_are_renewed_and_nothing_else(registry: str, tmp_path: Path) -> None:
    """The stack file keeps its comments; each image that is outdated gets the digest of today."""
    fine, old = _image(registry, "open", MEMBER), _image(registry, "closed", OLD)
    base = f"registry.example/base@{OLD}"
    images = _images(base, contour=str(fine), envoy=str(old))
    found = pinned_images.compare(images)
    assert [(each.key, each.outdated) for each in found] == [("contour", False), ("envoy", True)]
    assert pinned_images.table(found).splitlines()[1].endswith(f"renew: {_digest(MANIFEST)}")

    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(f"# why\ncontour: {fine}\nenvoy: {old}  # why\n")
    pinned_images.renew(file, [each for each in found if each.outdated])
    renewed = str(old).replace(OLD, _digest(MANIFEST))
    assert file.read_text() == f"# why\ncontour: {fine}\nenvoy: {renewed}  # why\n"


def test_images_without_tags_cannot_be_asked_for() -> None:
    """That is said, not passed over."""
    image = f"registry.example/base@{OLD}"
    with pytest.raises(RegistryError, match="no image has a tag"):
        pinned_images.compare(_images(image))
