"""Pushes small images to the cluster's registry over its HTTP API."""

import httpx

from local import oci


def push(image: oci.Image, *, registry: str, repository: str) -> str:
    """Push an image and return its reference by digest."""
    base = f"http://{registry}/v2/{repository}"
    with httpx.Client() as client:
        for blob in image.blobs:
            upload = httpx.URL(client.post(f"{base}/blobs/uploads/").raise_for_status().headers["location"])
            client.put(upload.copy_merge_params({"digest": oci.digest(blob)}), content=blob).raise_for_status()
        headers = {"Content-Type": oci.MANIFEST_TYPE}
        client.put(f"{base}/manifests/{image.digest}", content=image.manifest, headers=headers).raise_for_status()
    return f"{registry}/{repository}@{image.digest}"
