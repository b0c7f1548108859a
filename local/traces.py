"""Traces of the local stack: what the collector wrote into its file, which lies in the node's folder of its pod."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from local.api import Json
    from local.paths import Paths

_ID_DIGITS = 32
_MILLION = 1_000_000
# The beginnings of the attributes that people want to see; JSON has all.
_TELLING = ("inferstack.", "http.response.status_code", "http.status_code", "upstream_address", "error")


@dataclass(frozen=True, kw_only=True)
class Span:
    """A part of a request's way.

    Attributes:
        service: who measured it, for example ``envoy``.
        name: what was done.
        identity: 16 hexadecimal digits.
        parent: the span that it is a part of; empty for the first.
        begin: nanoseconds since 1970.
        end: likewise.
        attributes: what is known of it.
    """

    service: str
    name: str
    identity: str
    parent: str
    begin: int
    end: int
    attributes: dict[str, object]


def files(paths: Paths, pod: Json) -> list[Path]:
    """The files that the collector's pod has written, oldest first."""
    volume = paths.kubelet_data / "pods" / pod["metadata"]["uid"] / "volumes/kubernetes.io~empty-dir/traces"
    return sorted(volume.glob("*.json"), key=lambda file: file.stat().st_mtime)


def read(files: Iterable[Path], trace: str) -> list[Span]:
    """The spans of a trace; none where there are none, or none yet.

    Args:
        files: of the collector: a batch of spans a line, in OTLP's JSON.
        trace: its id, 32 hexadecimal digits.

    Raises:
        ClusterError: the id is none.
    """
    if len(trace) != _ID_DIGITS or not set(trace) <= set("0123456789abcdef"):
        raise ClusterError(f"{trace!r} is no trace id: 32 hexadecimal digits, as `trace_id` in a line of a log")
    return [span for file in files for line in _lines(file, trace) for span in _spans(line, trace)]


def tree(spans: Sequence[Span]) -> list[str]:
    """Lines for people: each span below its parent, with its begin and its length in milliseconds."""
    known = {span.identity for span in spans}
    first = min(span.begin for span in spans)

    def below(parent: Span | None, depth: int) -> Iterator[str]:
        children = [each for each in spans if _is_child(each, parent, known)]
        for span in sorted(children, key=lambda each: each.begin):
            begin, length = (span.begin - first) / _MILLION, (span.end - span.begin) / _MILLION
            attributes = " ".join(
                f"{key}={value}" for key, value in span.attributes.items() if key.startswith(_TELLING)
            )
            yield f"{begin:8.2f} ms {length:8.2f} ms  {'  ' * depth}{span.service}: {span.name}  {attributes}".rstrip()
            yield from below(span, depth + 1)

    return list(below(None, 0))


def _is_child(span: Span, parent: Span | None, known: set[str]) -> bool:
    """Whose parent was not recorded stands at the top."""
    return span.parent == parent.identity if parent else span.parent not in known


def _lines(file: Path, trace: str) -> Iterator[str]:
    with file.open(encoding="utf-8") as lines:
        yield from (line for line in lines if trace in line)


def _spans(line: str, trace: str) -> Iterator[Span]:
    try:
        batch: dict[str, Any] = json.loads(line)
    except ValueError:  # it is being written
        return
    for resource in batch["resourceSpans"]:
        service = str(_attributes(resource["resource"]).get("service.name", "unknown"))
        for span in (span for scope in resource["scopeSpans"] for span in scope["spans"]):
            if span["traceId"] == trace:
                yield Span(
                    service=service,
                    name=span["name"],
                    identity=span["spanId"],
                    parent=span.get("parentSpanId", ""),
                    begin=int(span["startTimeUnixNano"]),
                    end=int(span["endTimeUnixNano"]),
                    attributes=_attributes(span),
                )


def _attributes(of: dict[str, Any]) -> dict[str, object]:
    """OTLP writes each value with its type: ``{"key": "a", "value": {"intValue": "1"}}``."""
    return {each["key"]: next(iter(each["value"].values()), None) for each in of.get("attributes", [])}
