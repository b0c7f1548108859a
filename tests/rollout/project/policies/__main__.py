# ruff: noqa: INP001  # a program of the engine's, no module
"""One rule: no slot runs a version that begins with 6.6.6."""

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)


def _judge(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if "6.6.6" in str(args.props.get("version")):
        report("6.6.6 is not allowed. Allowed: any other version", None)


PolicyPack(
    "test",
    [ResourceValidationPolicy(name="no-beast", description="Not that one.", validate=_judge)],
    EnforcementLevel.MANDATORY,
)
