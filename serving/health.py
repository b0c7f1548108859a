"""The three probes. Each is a list of checks, each check says what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.runtime import Phase
from serving.schemas import Check, ProbeReport

if TYPE_CHECKING:
    from serving.runtime import Loaded, Runtime


def startup(runtime: Runtime) -> ProbeReport:
    """Pass once the manifest is verified and the model is loaded."""
    if runtime.phase is Phase.SERVING:
        return _report(_check("model", "loaded"))
    return _report(_check("model", "", f"{runtime.phase}: {runtime.step}"))


def live(runtime: Runtime) -> ProbeReport:
    """Fail only for what a restart can mend: the batch thread has died or hangs in one run."""
    loaded = runtime.loaded
    if loaded is None:
        return _report(_check("batch thread", "not started yet"))
    busy, allowed = loaded.batcher.busy_seconds, runtime.settings.stuck_after_seconds
    alive = "" if loaded.batcher.alive or runtime.draining else "has died"
    stuck = f"one run has taken {busy:.0f} s so far, at most {allowed:g} s are allowed" if busy > allowed else ""
    return _report(_check("batch thread", "runs", alive), _check("batch progress", f"busy for {busy:.1f} s", stuck))


def ready(runtime: Runtime) -> ProbeReport:
    """Pass when this process should get traffic: all was verified, what runs is what was asked for, there is room."""
    loaded = runtime.loaded
    draining = "draining: SIGTERM was received" if runtime.draining else ""
    if loaded is None:
        return _report(_check("model", "", f"{runtime.phase}: {runtime.step}"), _check("draining", "no", draining))
    golden = loaded.golden
    return _report(
        _check("manifest", f"SHA-256 of every file verified, model {loaded.digest}"),
        _check("provider", f"{loaded.model.provider} runs all of the graph, as asked", loaded.model.foreign_nodes),
        _check("golden", golden.reason, "" if golden.ok else golden.reason),
        _check("draining", "no", draining),
        _check("queue", f"{loaded.batcher.queued} texts wait", _queue_problem(loaded, runtime)),
        *live(runtime).checks,
    )


def _queue_problem(loaded: Loaded, runtime: Runtime) -> str:
    queued, allowed = loaded.batcher.queued, runtime.settings.max_queue
    return "" if queued < allowed else f"full: {queued} texts wait, at most {allowed} may"


def _check(name: str, well: str, problem: str = "") -> Check:
    return Check(name=name, ok=not problem, reason=problem or well)


def _report(*checks: Check) -> ProbeReport:
    failed = next((check for check in checks if not check.ok), None)
    return ProbeReport(
        ok=failed is None, reason="ok" if failed is None else f"{failed.name}: {failed.reason}", checks=list(checks)
    )
