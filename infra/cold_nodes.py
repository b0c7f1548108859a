"""How long a pod waits for a node that is not there yet: an estimate, by instance type.

Nothing here was measured: no GPU node of a cloud was at hand. The parts and where they come from:

- the cluster autoscaler sees a pod that waits within 30 seconds:
  https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md#what-are-the-service-level-objectives-for-cluster-autoscaler
- an instance starts, joins and offers its GPUs in two minutes: assumed, and to be renewed by the first real release,
  which the metrics of kube-state-metrics time (``kube_node_created``, ``kube_pod_status_ready_time``);
- the serving image is written to the root volume, packed and unpacked, at what EC2 says that the instance keeps up
  (EbsOptimizedInfo.BaselineThroughputInMBps of DescribeInstanceTypes), or the volume:
  https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html#gp3-performance
- an engine is loaded and its golden texts are answered in twenty seconds: assumed, as above.
"""

from __future__ import annotations

import math
from typing import Final

from infra import instance_types

_NOTICED_SECONDS: Final = 30
_JOINED_SECONDS: Final = 120
_LOADED_SECONDS: Final = 20
# The variant cuda-trt: four gigabytes of wheels (docs/gpu-serving.md), and about seven when they are unpacked.
_IMAGE_MB: Final = 4000 + 7000
# gp3 without more paid for.
_VOLUME_MB_PER_SECOND: Final = 125.0


def seconds(instance_type: str) -> int:
    """From a pod that finds no node to the same pod ready, on a node of a type.

    Raises:
        KeyError: no such type is in :mod:`infra.instance_types`.
    """
    disk = instance_types.find(instance_type).disk_mb_per_second
    written = min(disk or _VOLUME_MB_PER_SECOND, _VOLUME_MB_PER_SECOND)
    return math.ceil(_NOTICED_SECONDS + _JOINED_SECONDS + _IMAGE_MB / written + _LOADED_SECONDS)
