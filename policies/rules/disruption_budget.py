"""Without a budget, draining nodes takes the last pod of a service with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.rule import Expectation, Resource, StackRule
from policies.truth import Truth, all_of, any_of, negate
from policies.workloads import namespace, pod_labels, same_namespace, selects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BUDGET: Final = "kubernetes:policy/v1:PodDisruptionBudget"
_DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
_SERVICE: Final = "inferstack.dev/service"


def _check(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Expectation]]:
    budgets = [item for item in resources if item.type == _BUDGET]
    for deployment in resources:
        if deployment.type != _DEPLOYMENT:
            continue
        of_a_service = pod_labels(deployment)[_SERVICE].present
        guarded = any_of(_guards(budget, deployment) for budget in budgets)
        if of_a_service is not False:
            yield (
                deployment,
                Expectation(
                    holds=any_of([negate(of_a_service), guarded]),
                    subject="its pods",
                    must="be selected by a PodDisruptionBudget of their namespace that says how many may be down",
                    found="none that does",
                ),
            )


def _guards(budget: Resource, deployment: Resource) -> Truth:
    spec = budget.node["spec"]
    together = same_namespace(namespace(budget), namespace(deployment))
    says = any_of([spec["minAvailable"].present, spec["maxUnavailable"].present])
    return all_of([together, says, selects(spec["selector"], pod_labels(deployment))])


RULE = StackRule(
    name="disruption-budget",
    title="Every Deployment of a service has a disruption budget whose selector matches its pods.",
    remedy="add a PodDisruptionBudget in the same namespace with the Deployment's selector and minAvailable or "
    "maxUnavailable",
    applies=lambda token: token in (_BUDGET, _DEPLOYMENT),
    check=_check,
)
