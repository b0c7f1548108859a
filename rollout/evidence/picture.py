"""A verdict as a picture: of each metric the loss with its bounds, on the scale of its margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from rollout.evidence.verdict import Decision
from rollout.evidence.wording import TITLES, amount

if TYPE_CHECKING:
    from rollout.evidence.verdict import MetricVerdict, Verdict

_COLOURS: Final = {
    Decision.ADVANCE: "#1a7f37",
    Decision.HOLD: "#9a6700",
    Decision.ROLLBACK: "#cf222e",
    Decision.NOT_COMPARED: "#6e7781",
}
_INK, _PALE = "#1f2328", "#59636e"
_TEXT: Final = 'font-family="system-ui, sans-serif" font-size="13"'
_BOLD: Final = 'font-weight="600"'
_WIDTH: Final = 860
_TOP: Final = 92
_ROW: Final = 46
_LEFT, _RIGHT = 230, 620
_LONGEST: Final = 140
_SHOWN: Final = 2.0
"""Margins to either side of nothing; an interval that goes on ends in an arrow."""


def verdict_picture(verdict: Verdict) -> str:
    """An SVG document. Green lies within the margin, red is worse; the dashed line is what is allowed."""
    height = _TOP + _ROW * len(verdict.metrics) + 40
    bottom = height - 34
    title = f"{verdict.decision.value} after {verdict.requests:,} compared requests"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" {_TEXT} fill="{_INK}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="30" font-size="18" {_BOLD} fill="{_COLOURS[verdict.decision]}">{escape(title)}</text>',
        f'<text x="16" y="50" font-size="11" fill="{_PALE}">{escape(_shortened(verdict.reason))}</text>',
        *_scale(bottom),
        f'<text x="16" y="{bottom + 20}" font-size="11" fill="{_PALE}">* not waited for</text>',
        *(line for row, one in enumerate(verdict.metrics) for line in _row(one, _TOP + _ROW * row + _ROW // 2)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _shortened(reason: str) -> str:
    return reason if len(reason) <= _LONGEST else f"{reason[: _LONGEST - 2]} …"


def _scale(bottom: int) -> list[str]:
    lines = list[str]()
    marks = ((-1.0, "-margin"), (0.0, "no difference"), (1.0, "margin"))
    for margins, name in marks:
        x = _x(margins)
        dashes = "" if margins == 0 else ' stroke-dasharray="4 4"'
        colour = "#cf222e" if margins > 0 else "#d0d7de"
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 12}" y2="{bottom}" stroke="{colour}"{dashes}/>')
        lines.append(
            f'<text x="{x:.1f}" y="{_TOP - 18}" text-anchor="middle" font-size="11" fill="{_PALE}">{name}</text>'
        )
    lines.append(f'<text x="{_LEFT}" y="{bottom + 20}" font-size="11" fill="{_PALE}">better</text>')
    lines.append(f'<text x="{_RIGHT}" y="{bottom + 20}" font-size="11" text-anchor="end" fill="{_PALE}">worse</text>')
    return lines


def _row(one: MetricVerdict, y: int) -> list[str]:
    colour = _COLOURS[one.decision]
    waited = "" if one.decisive else " *"
    said = [
        f'<text x="16" y="{y + 4}">{escape(TITLES[one.metric])}{waited}</text>',
        f'<text x="{_RIGHT + 20}" y="{y - 4}" {_BOLD} fill="{colour}">{one.decision.value}</text>',
    ]
    if one.estimate is None or not one.margin:
        return [*said, f'<text x="{_LEFT}" y="{y + 4}" fill="{_PALE}">{escape(one.reason)}</text>']
    lower = -_SHOWN if one.lower is None else one.lower / one.margin
    upper = _SHOWN if one.upper is None else one.upper / one.margin
    low, middle, high = _x(lower), _x(one.estimate / one.margin), _x(upper)
    numbers = f"{amount(one.metric, one.estimate)} ({amount(one.metric, one.lower)} to {amount(one.metric, one.upper)})"
    return [
        *said,
        f'<text x="{_RIGHT + 20}" y="{y + 12}" font-size="11" fill="{_PALE}">{escape(numbers)}</text>',
        f'<path d="M {low:.1f} {y} H {high:.1f}" stroke="{colour}" stroke-width="4" stroke-linecap="round"/>',
        *(_arrow(x, y, direction, colour) for x, direction in ((low, -1), (high, 1)) if x in {_LEFT, _RIGHT}),
        f'<circle cx="{middle:.1f}" cy="{y}" r="6" fill="{colour}"/>',
    ]


def _arrow(x: float, y: int, direction: int, colour: str) -> str:
    return f'<path d="M {x + 8 * direction:.1f} {y} l {-8 * direction} -6 v 12 z" fill="{colour}"/>'


def _x(margins: float) -> float:
    """Where a loss of so many margins is drawn."""
    within = min(max(margins, -_SHOWN), _SHOWN)
    return _LEFT + (_RIGHT - _LEFT) * (within + _SHOWN) / (2 * _SHOWN)
