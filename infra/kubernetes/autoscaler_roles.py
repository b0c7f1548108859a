"""What the cluster autoscaler may do with the Kubernetes API.

Source: the ClusterRole of upstream's example for AWS, and reports of what 1.35 reads besides; less what is not used
here: endpoints as locks, provisioning requests, capacity buffers, and clouds that delete Node objects themselves. The
reads of resource.k8s.io and of volume attachments are new in 1.35: without them its caches never fill, and it decides
nothing.
"""

from __future__ import annotations

from infra.kubernetes.access import READ, may

EVERYWHERE = (
    # It simulates the scheduler, and so must see what the scheduler sees.
    may(
        READ,
        ("namespaces", "pods", "services", "replicationcontrollers", "persistentvolumeclaims", "persistentvolumes"),
    ),
    may(READ, ("daemonsets", "replicasets", "statefulsets"), group="apps"),
    may(READ, ("jobs",), group="batch"),
    may(READ, ("poddisruptionbudgets",), group="policy"),
    may(
        READ,
        ("csidrivers", "csinodes", "csistoragecapacities", "storageclasses", "volumeattachments"),
        group="storage.k8s.io",
    ),
    may(READ, ("deviceclasses", "resourceclaims", "resourceclaimtemplates", "resourceslices"), group="resource.k8s.io"),
    # It marks nodes that it is about to take away, and moves their pods.
    may((*READ, "update"), ("nodes",)),
    may(("create",), ("pods/eviction",)),
    may(("update",), ("pods/status",)),
    may(("create", "patch"), ("events",)),
)
IN_ITS_NAMESPACE = (
    may(("create", "list", "watch"), ("configmaps",)),
    may(("delete", "get", "update", "watch"), ("configmaps",), names=("cluster-autoscaler-status",)),
    may(("create",), ("leases",), group="coordination.k8s.io"),
    may(("get", "update"), ("leases",), group="coordination.k8s.io", names=("cluster-autoscaler",)),
)
