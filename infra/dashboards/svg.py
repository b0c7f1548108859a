# pyright: reportUnknownMemberType=false
# Matplotlib is half typed.
"""A drawing as a small SVG file that is the same for the same drawing."""

from __future__ import annotations

import io
import re
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

# What no eye sees in a tag, and half of the bytes: parts of a pixel, turns by nothing, names, one font many times.
_INVISIBLE: Final = (
    (r"(\d+\.\d)\d+", r"\1"),
    (r' transform="rotate\(-0 [^"]*\)"', ""),
    (r'^<g id="[^"]*">', "<g>"),
    (r" ?\nL ", "L"),
    (r"font-family: 'DejaVu Sans', sans-serif;? ?", ""),
    (r"^</style>", "text {font-family: 'DejaVu Sans', sans-serif}</style>"),
)

STYLE: Final[dict[RcKeyType, Any]] = {
    # Letters stay letters: smaller files that can be searched.
    "svg.fonttype": "none",
    "svg.hashsalt": "inferstack",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 7,
    "axes.titlesize": 8,
}
"""Matplotlib's settings, for drawing and for writing."""


@mpl.rc_context(STYLE)
def save(figure: Figure, file: Path) -> None:
    """Write a picture as SVG, the same bytes for the same series.

    Raises:
        OSError: the file cannot be written.
    """
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    small = re.sub("<[^>]*>", _smaller, text.getvalue())
    file.write_text(re.sub("(?m)^ +", "", small), encoding="utf-8")


def _smaller(tag: re.Match[str]) -> str:
    return reduce(lambda text, each: re.sub(*each, text), _INVISIBLE, tag[0])
