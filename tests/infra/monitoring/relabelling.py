"""Prometheus's relabelling, as far as the program uses it: which targets are kept, and with which labels.

Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Json = dict[str, Any]


def relabel(labels: Mapping[str, str], rules: Sequence[Json]) -> dict[str, str] | None:
    """The labels after the rules, or None where they drop it."""
    found = dict(labels)
    for rule in rules:
        value = ";".join(found.get(name, "") for name in rule.get("source_labels", ()))
        match = re.fullmatch(rule.get("regex", "(.*)"), value)
        action = rule.get("action", "replace")
        if (action == "keep" and not match) or (action == "drop" and match):
            return None
        if action == "labeldrop":
            found = {name: text for name, text in found.items() if not re.fullmatch(rule["regex"], name)}
        if action == "replace" and match:
            replacement = re.sub(r"\$(\d)", r"\\\1", rule.get("replacement", "$1"))
            found[rule["target_label"]] = match.expand(replacement)
    return found


def targets(configuration: Json, namespace: str, template: Json) -> Iterator[tuple[Json, dict[str, str]]]:
    """Each job that reads a pod, with the labels that its series get.

    Args:
        configuration: of Prometheus.
        namespace: of the pod.
        template: its metadata and spec.
    """
    for job in configuration["scrape_configs"]:
        (discovery,) = job["kubernetes_sd_configs"]
        (selector,) = discovery["selectors"]
        if namespace not in discovery["namespaces"]["names"] or not _selects(selector["label"], template):
            continue
        for labels in _discovered(namespace, template):
            kept = relabel({"job": job["job_name"], **labels}, job["relabel_configs"])
            if kept is not None:
                yield job, {name: text for name, text in kept.items() if not name.startswith("__")}


def _selects(selector: str, template: Json) -> bool:
    labels = template["metadata"]["labels"]
    pairs = [each.partition("=") for each in selector.split(",")]
    return all(key in labels and (not equal or labels[key] == value) for key, equal, value in pairs)


def _discovered(namespace: str, template: Json) -> Iterator[dict[str, str]]:
    """What discovery says of each port of a pod.

    Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#pod
    """
    of_pod = {
        "__meta_kubernetes_namespace": namespace,
        "__meta_kubernetes_pod_name": "pod",
        "__meta_kubernetes_pod_node_name": "node",
        "__meta_kubernetes_pod_phase": "Running",
        **{
            f"__meta_kubernetes_pod_label_{re.sub(r'[^a-zA-Z0-9_]', '_', key)}": value
            for key, value in template["metadata"]["labels"].items()
        },
    }
    for container in template["spec"]["containers"]:
        for port in container.get("ports", ()):
            yield {**of_pod, "__meta_kubernetes_pod_container_port_name": port["name"]}
