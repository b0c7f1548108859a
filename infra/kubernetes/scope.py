"""What the objects of a component have in common: environment, namespace, parent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from infra import naming

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where the objects of a component go.

    Attributes:
        environment: the stack.
        namespace: of those objects that are in one.
        parent: the component.
    """

    environment: str
    namespace: pulumi.Input[str]
    parent: pulumi.Resource

    def labels(self, name: str) -> dict[str, str]:
        """The labels of what belongs to a part of the component, for example ``contour``."""
        return naming.labels(name, self.environment)

    def metadata(self, name: str) -> ObjectMetaArgs:
        """Of an object in the namespace, named like the part that it belongs to."""
        return ObjectMetaArgs(name=name, namespace=self.namespace, labels=self.labels(name))

    def service_metadata(self, name: str) -> ObjectMetaArgs:
        """Of an object that no update waits for, such as a Service: Pulumi would wait ten seconds for its endpoints."""
        return ObjectMetaArgs(
            name=name,
            namespace=self.namespace,
            labels=self.labels(name),
            annotations={"pulumi.com/skipAwait": "true"},
        )

    def child(
        self, *, after: Sequence[pulumi.Resource] = (), delete_before_replace: bool = False
    ) -> pulumi.ResourceOptions:
        """Options of an object of the component.

        Args:
            after: what must be there before it.
            delete_before_replace: for what keeps its name when it is made anew.
        """
        return pulumi.ResourceOptions(
            parent=self.parent,
            depends_on=list(after) or None,
            delete_before_replace=delete_before_replace or None,
        )


def pods_of(name: str) -> LabelSelectorArgs:
    """Selects the pods of a part, in policies, budgets and controllers."""
    return LabelSelectorArgs(match_labels=naming.selector(name))
