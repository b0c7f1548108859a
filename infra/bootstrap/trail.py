"""Whether somebody would hear of emergency access: EventBridge knows of API calls only what a trail records."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.bootstrap.account import Account


def advice(account: Account) -> str | None:
    """What to do before a stack with ``aws.break_glass`` is made; None if nothing.

    A trail is the account's or its organization's, and costs: it is not made here.
    """
    target = account.target
    if not target.break_glass or _recorded(account):
        return None
    sentence = f"no trail of CloudTrail records API calls in {target.region}, so that nobody hears of its use"
    return str(target.wrong("break_glass", f"{sentence}. Needed: a trail of the account, or of its organization"))


def _recorded(account: Account) -> bool:
    trails = account.cloudtrail.describe_trails(includeShadowTrails=True)["trailList"]
    return any(
        # An organization's trail tells nothing of itself to the accounts that it watches, and they cannot stop it.
        trail.get("IsOrganizationTrail")
        or account.cloudtrail.get_trail_status(Name=trail.get("TrailARN", ""))["IsLogging"]
        for trail in trails
    )
