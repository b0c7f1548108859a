"""The one error type of the embedded cluster."""


class ClusterError(Exception):
    """Something that the user can act on. Its text is one sentence or two: what is wrong, where, and what to do."""


EXISTING_CLUSTER_HINT = (
    "Or use a cluster that you have: set `cluster.kind: existing` and a kubeconfig context in Pulumi.local.yaml."
)
