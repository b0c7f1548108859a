"""The policy pack's list of rules, and its two ways in.

The engine runs this folder (PulumiPolicy.yaml, `python -m pulumi.policy`); a person runs `python -m policies`.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

# The engine starts the folder as a program, without the package around it.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policies.exemptions import Exemption, ExemptionError, load, with_exemptions
from policies.rules import (
    aws_addon,
    aws_bucket_protection,
    aws_cluster_access,
    aws_database_password,
    aws_deletion_protection,
    aws_encryption,
    aws_image_registry,
    aws_instance_metadata,
    aws_key_rotation,
    aws_log_retention,
    aws_node_tags,
    aws_open_ingress,
    aws_policy_breadth,
    aws_provider,
    aws_public_access,
    aws_role_boundary,
    aws_role_trust,
    aws_tls,
    container_resources,
    default_deny,
    disruption_budget,
    gpu_request,
    host_isolation,
    image_build_base,
    image_build_hermetic,
    image_build_secret,
    image_digest,
    image_no_latest,
    probes,
    release_freeze,
    release_promotion,
    release_receipt,
    release_step,
    required_labels,
    resource_quota,
    route_weights,
    secret_in_env,
    security_context,
    service_account_token,
)

if TYPE_CHECKING:
    from policies.rule import Rule

_RULES: Final[tuple[Rule, ...]] = (
    image_digest.RULE,
    image_no_latest.RULE,
    image_build_base.RULE,
    image_build_hermetic.RULE,
    image_build_secret.RULE,
    security_context.RULE,
    host_isolation.RULE,
    service_account_token.RULE,
    secret_in_env.RULE,
    probes.RULE,
    container_resources.RULE,
    gpu_request.RULE,
    required_labels.RULE,
    route_weights.RULE,
    release_step.RULE,
    release_receipt.RULE,
    release_promotion.RULE,
    release_freeze.RULE,
    default_deny.RULE,
    resource_quota.RULE,
    disruption_budget.RULE,
    aws_addon.RULE,
    aws_bucket_protection.RULE,
    aws_cluster_access.RULE,
    aws_database_password.RULE,
    aws_deletion_protection.RULE,
    aws_encryption.RULE,
    aws_image_registry.RULE,
    aws_instance_metadata.RULE,
    aws_key_rotation.RULE,
    aws_log_retention.RULE,
    aws_node_tags.RULE,
    aws_open_ingress.RULE,
    aws_policy_breadth.RULE,
    aws_provider.RULE,
    aws_public_access.RULE,
    aws_role_boundary.RULE,
    aws_role_trust.RULE,
    aws_tls.RULE,
)


def _exemptions() -> tuple[Exemption, ...]:
    try:
        return load(Path(__file__).parent / "exemptions.toml", _RULES)
    except ExemptionError as error:
        sys.exit(str(error))


EXEMPTIONS: Final = _exemptions()
RULES: Final = tuple(with_exemptions(rule, EXEMPTIONS, datetime.now(tz=UTC).date()) for rule in _RULES)


def main() -> None:
    """Serve the engine, or answer a person."""
    if __package__:
        from policies.cli import main as answer  # noqa: PLC0415  each way in loads its own libraries alone
    else:
        from policies.pack import serve as answer  # noqa: PLC0415
    answer(RULES, EXEMPTIONS)


if __name__ == "__main__":
    main()
