"""Reads what an answer says of a failure (RFC 9457), as far as it says something."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

from client.errors import Issue, Problem

if TYPE_CHECKING:
    import httpx

_KIND = "urn:inferstack:problem:"


def read_problem(response: httpx.Response) -> Problem:
    """Read an answer whose status is not 2xx."""
    document = _document(response)
    return Problem(
        status=response.status_code,
        # A gateway's own answer is no problem document.
        kind=str(document.get("type", "")).removeprefix(_KIND) or "gateway",
        detail=str(document.get("detail") or response.reason_phrase),
        query_id=response.headers.get("X-Query-Id"),
        issues=_issues(document.get("errors")),
        retry_after=retry_after(response.headers.get("Retry-After", ""), now=datetime.now(UTC)),
    )


def retry_after(given: str, *, now: datetime) -> float | None:
    """Seconds that a header Retry-After asks to wait, given as such or as a date; None for what is neither."""
    given = given.strip()
    if given.isascii() and given.isdigit():
        return float(given)
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0.0)


def _document(response: httpx.Response) -> dict[str, Any]:
    try:
        found: object = response.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _issues(found: object) -> tuple[Issue, ...]:
    if not isinstance(found, list):
        return ()
    each = [cast("dict[str, Any]", item) for item in cast("list[object]", found) if isinstance(item, dict)]
    return tuple(
        Issue(
            reason=str(item.get("reason", "")),
            allowed=str(item.get("allowed", "")),
            pointer=str(item.get("pointer", "")),
            index=item.get("index"),
            got=item.get("got"),
        )
        for item in each
    )
