"""The report of a rehearsal, as data: what `--json` prints, and what the other forms are made from."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rehearsal.errors import ExitCode  # noqa: TC001  pydantic reads the annotation when it makes the model

STAND_IN = (
    "This is a rehearsal: the engine, the policies, the Kubernetes API and its scheduler are real;"
    " AWS, its nodes and the image builds are stand-ins."
)

NOT_CHECKED = (
    "whether AWS accepts the values: quotas, capacity of an instance type, service control policies, rights of a role",
    "anything that a container does: no image or engine was built, and none started; a pod with a node counts as ready",
    "network traffic, DNS, certificates, load balancer health: nothing was sent",
    "EKS's add-ons: they run in no node here, so what they take of a node is not counted",
    "how long AWS takes, and failures half-way",
    "costs of use: traffic, storage of buckets, images and logs, requests, backups",
)
"""What no rehearsal proves; see docs/rehearsal.md."""


Answer = Literal["fail", "exempted", "undecided"]
"""What a rule may say besides `pass`: no; no, but let pass by name until a day; not before the update."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Change(_Model):
    """What happens to one resource."""

    change: Literal["created", "updated", "replaced", "deleted"]
    type: str = Field(description="Type token.")
    name: str = Field(description="Its name in the program.")
    urn: str
    because_of: tuple[str, ...] = Field(description="Inputs that differ; of a replacement, those that force it.")
    loses: str | None = Field(description="What is lost, if it is replaced or deleted and holds something.")
    protected: bool = Field(description="Whether a real update would refuse to replace or delete it.")


class Pool(_Model):
    """The GPUs of one pool."""

    pool: str
    wanted_at_rest: int
    wanted_at_update: int = Field(description="While one service gets a pod more than it keeps.")
    wanted_at_release: int = Field(description="At the height of a release of one service.")
    there_at_rest: int | None = Field(description="On the nodes that are always there; null if not known.")
    there_at_most: int | None = Field(description="On all nodes that the pool may grow to; null if not known.")
    nodes_to_start: int | None = Field(
        default=None, description="Beside those that are always there, for the height of a release; null if not known."
    )
    seconds_for_a_node: int | None = Field(
        default=None, description="What a pod waits for such a node: an estimate, see infra/cold_nodes.py."
    )


class NodeGroup(_Model):
    """The nodes that one node group had when the update ended."""

    name: str
    instance_type: str
    min: int
    max: int
    nodes: int


class PendingPod(_Model):
    """A pod that the scheduler finds no node for."""

    pod: str
    reason: str = Field(description="In the scheduler's words.")
    remark: str = Field(description="Of the stand-in for the autoscaler; may be empty.")


class Verdict(_Model):
    """What a rule says of a resource, where that is not `pass`."""

    rule: str
    verdict: Answer
    resource: str = Field(description="URN, or empty for the whole stack.")
    message: str


class Policies(_Model):
    """What the rules say."""

    passed: tuple[str, ...] = Field(description="Rules that judged something and found nothing.")
    findings: tuple[Verdict, ...]


class CostLine(_Model):
    """What one kind of thing costs in a month, in the currency of the table."""

    item: str
    before: float
    after: float
    at_most: float = Field(description="After, with every node group at its maximum.")


class Cost(_Model):
    """Fixed costs of a month of 730 hours at list prices."""

    currency: str
    region: str
    prices_of: str = Field(description="Date of the price table.")
    source: str
    stale: bool = Field(description="Whether the table is older than prices usually stay.")
    before: float
    after: float
    at_most: float
    lines: tuple[CostLine, ...]
    without_price: tuple[str, ...] = Field(description="What should have a price and has none in the table.")


class Timings(_Model):
    """Seconds; null for what did not run."""

    control_plane: float | None = None
    base: float | None = Field(default=None, description="Applying the stack as of the reference.")
    preview: float | None = None
    update: float | None = None
    total: float = 0.0


class Release(_Model):
    """The step of one service's release; once it is made, the last one."""

    service: str
    step: str
    since: str = Field(description="When the step was begun.")
    previous: str | None = Field(description="The state before, in words; null where there was none.")
    wanted: str


class Report(_Model):
    """One rehearsal."""

    schema_version: Literal[1] = 1
    notice: str = STAND_IN
    stack: str
    compared_with: str | None = Field(description="The git reference, with its commit; null for a new stack.")
    exit_code: ExitCode
    reasons: tuple[str, ...] = Field(description="Why the exit code is not 0; one sentence each.")
    applied: bool = Field(description="Whether the update ran to its end; else the changes are what was planned.")
    changes: tuple[Change, ...] = Field(description="Replacements and deletions that lose something come first.")
    unchanged: int
    releases: tuple[Release, ...] = ()
    pools: tuple[Pool, ...]
    node_groups: tuple[NodeGroup, ...]
    pending_pods: tuple[PendingPod, ...]
    routes: dict[str, str] = Field(description="Gateways and routes that Contour does not accept, with its reason.")
    policies: Policies
    cost: Cost | None = Field(description="null for a cluster whose nodes are not the stack's.")
    timings: Timings
    not_checked: tuple[str, ...] = NOT_CHECKED

    def counts(self) -> dict[str, int]:
        """How many resources are created, updated, replaced and deleted."""
        kinds = ("created", "updated", "replaced", "deleted")
        return {kind: sum(change.change == kind for change in self.changes) for kind in kinds}
