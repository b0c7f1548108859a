"""A stand-in for the volume provisioner: claims of any storage class that the stack brings get a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.cloud.node_groups import ZONE_LABEL

if TYPE_CHECKING:
    from local.api import Api

Json = dict[str, Any]
_SELECTED_NODE = "volume.kubernetes.io/selected-node"


class Volumes:
    """Volumes for claims."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def step(self) -> None:
        """Make a volume for each claim that waits for one: of a class that binds at once, or with a node chosen."""
        waiting = [
            claim
            for claim in self._api.get("/api/v1/persistentvolumeclaims")["items"]
            if claim["status"].get("phase") == "Pending"
            and claim["spec"].get("storageClassName")
            and not claim["spec"].get("volumeName")
        ]
        if not waiting:
            return
        classes = {
            each["metadata"]["name"]: each for each in self._api.get("/apis/storage.k8s.io/v1/storageclasses")["items"]
        }
        for claim in waiting:
            storage_class = classes.get(claim["spec"]["storageClassName"])
            if storage_class is None:
                continue  # the claim waits for ever, as it would in the cloud
            node = claim["metadata"].get("annotations", {}).get(_SELECTED_NODE)
            if node or storage_class.get("volumeBindingMode") == "Immediate":
                self._provision(claim, storage_class, node)

    def _provision(self, claim: Json, storage_class: Json, node: str | None) -> None:
        metadata, spec = claim["metadata"], claim["spec"]
        name = f"pvc-{metadata['uid']}"
        volume: Json = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec["accessModes"],
                "volumeMode": spec.get("volumeMode", "Filesystem"),
                "storageClassName": spec["storageClassName"],
                "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
                "claimRef": {
                    "kind": "PersistentVolumeClaim",
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
                "csi": {"driver": storage_class["provisioner"], "volumeHandle": f"vol-{metadata['uid'][:8]}"},
            },
        }
        if zone := self._zone(node):
            # A disk is in one zone: its pod cannot move to another.
            term = {"matchExpressions": [{"key": ZONE_LABEL, "operator": "In", "values": [zone]}]}
            volume["spec"]["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
        self._api.apply(f"/api/v1/persistentvolumes/{name}", volume)

    def _zone(self, node: str | None) -> str | None:
        if node is None:
            return None
        return self._api.get(f"/api/v1/nodes/{node}")["metadata"]["labels"].get(ZONE_LABEL)
