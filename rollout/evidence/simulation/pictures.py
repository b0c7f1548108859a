"""Pictures of the simulations, and of two verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

from rollout.evidence.judging import judge
from rollout.evidence.limits import Limits
from rollout.evidence.simulation.releases import release
from rollout.evidence.simulation.scenario import EQUAL, OBJECTIVE, WORSE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rollout.evidence.simulation.scenario import Scenario
    from rollout.evidence.simulation.study import Studied

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "inferstack"  # the same figures make the same file
from matplotlib import pyplot as plt  # noqa: E402 - after the backend is chosen

_SHOWN = ("equal at 20 %", *WORSE)


def draw(studied: Sequence[Studied], folder: Path) -> None:
    """Write evidence-rollbacks.svg, evidence-advance.svg and evidence-rollback.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    _draw_rollbacks([one for one in studied if one.name in _SHOWN], folder / "evidence-rollbacks.svg")
    for name, scenario in (("advance", EQUAL["equal at 20 %"]), ("rollback", WORSE["latency +30 %"])):
        (folder / f"evidence-{name}.svg").write_text(_verdict(scenario), encoding="utf-8")


def _verdict(scenario: Scenario) -> str:
    limits = Limits(agreement=scenario.agreement)
    return judge(release(scenario, seed=1), objective=OBJECTIVE, limits=limits).svg()


def _draw_rollbacks(studied: Sequence[Studied], path: Path) -> None:
    """The share of releases that was taken back by so many compared requests."""
    figure, axes = plt.subplots(1, len(studied), figsize=(12, 3.4), sharey=True, layout="constrained")  # pyright: ignore[reportUnknownMemberType]  # half typed
    for axis, one in zip(axes, studied, strict=True):
        ways = (("this judge", one.requests), *((way.name, way.requests) for way in one.usual))
        for name, requests in ways:  # shares of all releases, in the order in which they were taken back
            steps = np.sort(np.array([0, *requests, 21_000]))
            shares = np.minimum(np.arange(len(steps)), len(requests)) / one.releases
            axis.step(steps, shares, where="post", label=name)
        axis.set(title=one.name, xlabel="compared requests", xlim=(0, 20_000), ylim=(0, 1.02))
        axis.grid(alpha=0.3)
    axes[0].set(ylabel="share taken back")
    axes[0].legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})  # pyright: ignore[reportUnknownMemberType]  # as above
    plt.close(figure)
