"""A release, written out as the counters that its pods have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rollout.evidence import Observations

Series = list[tuple[dict[str, str], list[float | None]]]


def counters(seen: Observations, *, reference: str, service: str) -> Series:
    """The counters of both slots: each of two pods, of which one restarts and one comes late.

    Args:
        seen: what the pods count.
        reference: the slot that the candidate is compared with.
        service: whose.
    """
    found: Series = []

    def add(counts: NDArray[np.float64], **labels: str) -> None:
        """Two pods share each unit by halves of the time; the first one restarts in its tenth minute."""
        half = len(counts) // 2
        first, second = counts.copy(), counts.copy()
        first[half:], second[:half] = 0, 0
        restarted = np.cumsum(first, axis=0)
        restarted[10:] -= restarted[9]
        for unit in np.nonzero(counts.any(axis=0))[0]:
            of_unit = {"unit": f"{unit:03d}", "service": service, **labels}
            found.append((of_unit | {"pod": "a"}, [0.0, *map(float, restarted[:, unit])]))
            later = map(float, np.cumsum(second[half:, unit]))
            found.append((of_unit | {"pod": "b"}, [*[None] * (half + 1), *later]))

    for slot, side in (("candidate", seen.candidate), (reference, seen.reference)):
        for name in ("requests", "errors", "log_seconds", "tokens", "confidence"):
            add(getattr(side, name), name=f"user_{name}_total", slot=slot)
        for label, counts in side.texts.items():
            add(counts, name="user_texts_total", slot=slot, label=label)
        for verdict, counts in (("right", side.right), ("wrong", side.wrong)):
            add(counts, name="user_feedback_total", slot=slot, verdict=verdict)
    if seen.mirrored is not None:
        add(seen.mirrored.comparisons, name="shadow_comparisons_total", slot="shadow")
        add(seen.mirrored.agreements, name="shadow_agreements_total", slot="shadow")
    return found
