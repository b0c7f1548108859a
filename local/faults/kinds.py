"""The faults that there are."""

from __future__ import annotations

from local.faults import bad_pod, lost_pod, slow_pod

KINDS = {fault.kind: fault for fault in (bad_pod.FAULT, slow_pod.FAULT, lost_pod.FAULT)}
