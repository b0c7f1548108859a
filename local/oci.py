"""Small images made of a few files without a builder, such as that of every pod's sandbox."""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

PAUSE_REPOSITORY = "inferstack.local/pause"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_NOBODY = "65535:65535"


@dataclass(frozen=True, kw_only=True)
class Image:
    """An OCI image of one layer: its manifest, and the two blobs that the manifest names."""

    manifest: bytes
    blobs: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """The manifest's digest, which names the image."""
        return digest(self.manifest)


def digest(blob: bytes) -> str:
    """Return a blob's name in registries."""
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def build(files: dict[str, Path], *, entrypoint: list[str]) -> Image:
    """Return an image of executables, by their path in the image without the leading slash; same files, same digest."""
    layer = _tar({name: (path.read_bytes(), 0o755) for name, path in files.items()})
    compressed = gzip.compress(layer, compresslevel=1, mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": entrypoint, "User": _NOBODY},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _descriptor(_CONFIG_TYPE, config),
        "layers": [_descriptor(_LAYER_TYPE, compressed)],
    }
    return Image(manifest=json.dumps(manifest).encode(), blobs=(config, compressed))


def write_archive(image: Image, *, name: str, archive: Path) -> None:
    """Write an OCI image layout as a tar archive, which containerd imports under the name."""
    entry = {
        **_descriptor(MANIFEST_TYPE, image.manifest),
        "annotations": {"io.containerd.image.name": name},
        "platform": {"architecture": "amd64", "os": "linux"},
    }
    index = {"schemaVersion": 2, "manifests": [entry]}
    files = {f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}": blob for blob in (*image.blobs, image.manifest)}
    files["index.json"] = json.dumps(index).encode()
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    archive.write_bytes(_tar({path: (content, 0o644) for path, content in files.items()}))


def pause_name(binary: Path) -> str:
    """Return the sandbox image's name; its tag follows the binary's content, so a new binary is a new image."""
    return f"{PAUSE_REPOSITORY}:{hashlib.sha256(binary.read_bytes()).hexdigest()[:12]}"


def write_pause_archive(binary: Path, archive: Path) -> None:
    """Write the sandbox image: one static program that waits until it is killed."""
    image = build({"pause": binary}, entrypoint=["/pause"])
    write_archive(image, name=pause_name(binary), archive=archive)


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (content, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest(blob), "size": len(blob)}
