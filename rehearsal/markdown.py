"""The report as Markdown, for the comment on a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rehearsal.report import Report

_LISTED = 30


def render(report: Report) -> str:
    """Return the whole report."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"> {report.notice}"
    yield ""
    yield f"## {wording.verdict(report)}"
    yield from ("", *(f"- {_safe(reason)}" for reason in report.reasons)) if report.reasons else ()
    yield from ("", f"### Changes: {wording.counts(report)}", "")
    grave = [change for change in report.changes if change.change in {"replaced", "deleted"}]
    rest = [change for change in report.changes if change not in grave]
    yield from (f"- **{change.change}** {_safe(wording.change(change))}" for change in grave)
    if len(rest) > _LISTED:
        yield from (f"- {line}" for line in wording.by_type(rest))
    else:
        yield from (f"- {change.change} {_safe(wording.change(change))}" for change in rest)
    if report.releases:
        yield from ("", "### Releases", "", *(f"- {_safe(wording.release(each))}" for each in report.releases))
    yield from ("", "### GPUs", "")
    header = ("pool", "wanted at rest", "in an update", "in a release", "there", "at most")
    yield from _table(header, [wording.pool(pool) for pool in report.pools])
    remarks = [*wording.shortages(report), *wording.cold_nodes(report), *map(wording.node_group, report.node_groups)]
    yield from ("", *(f"- {remark}" for remark in remarks))
    yield from (f"- **no node** `{each.pod}`: {_safe(each.reason)} {each.remark}" for each in report.pending_pods)
    yield from (f"- **not accepted** {name}: {_safe(reason)}" for name, reason in report.routes.items())
    yield from ("", f"### Policies: {wording.policies(report)}", "")
    for answer, subject, lines in wording.findings(report):
        yield f"- **{answer}** {subject}"
        yield from (f"  - {_safe(line)}" for line in lines)
    if cost := report.cost:
        yield from ("", f"### Fixed cost: {wording.cost(cost)}", "")
        amounts = [
            (line.item, *(f"{amount:,.2f}" for amount in (line.before, line.after, line.at_most)))
            for line in cost.lines
        ]
        yield from _table(("item", "before", "after", "at most"), amounts)
        yield from ("", *(f"- {note}" for note in wording.cost_notes(cost)))
    yield from ("", "### Not checked", "", *(f"- {each}" for each in report.not_checked))
    yield from ("", wording.timings(report))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(map(_safe, row))} |"


def _safe(text: str) -> str:
    """Text that shows as it is, in a table too."""
    return text.replace("|", r"\|").replace("<", "&lt;").replace("\n", " ")
