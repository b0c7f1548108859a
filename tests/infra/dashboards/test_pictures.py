from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import httpx
import pytest

from infra.dashboards.pictures import draw
from infra.dashboards.series import PrometheusError, Span, plain
from infra.dashboards.svg import save
from tests.infra.dashboards.boards import boards, panels
from tests.infra.dashboards.prometheus import client

if TYPE_CHECKING:
    from pathlib import Path

SPAN = Span(start=1_700_000_000, end=1_700_001_800, step=15)
SERVICE = boards("local")["service-sentiment.json"]


def test_a_picture_shows_every_panel_with_its_unit_and_limit(tmp_path: Path) -> None:
    """A reader of the picture finds the titles, the objective's line and the numbers of the dashboard."""
    figure, empty = draw(SERVICE, client(), SPAN)
    save(figure, tmp_path / "service.svg")
    text = _text(tmp_path / "service.svg")
    assert empty == []
    assert {panel["title"] for panel in panels(SERVICE)} <= text
    assert {"limit 250 ms", "limit 1 %"} <= text
    assert "2023-11-14 22:13 to 2023-11-14 22:43 UTC" in text
    assert (tmp_path / "service.svg").stat().st_size < 150_000


@pytest.mark.parametrize("firing", [True, False])
def test_a_picture_marks_when_alerts_fire(tmp_path: Path, *, firing: bool) -> None:
    """Below each graph a red bar lies where an alert of the service fires; without alerts there is none."""
    prometheus = client(lambda metric: firing or metric != "ALERTS")
    save(draw(SERVICE, prometheus, SPAN)[0], tmp_path / "service.svg")
    bars = (tmp_path / "service.svg").read_text(encoding="utf-8").count("fill-opacity: 0.5")
    assert bars == (sum(panel["type"] == "timeseries" for panel in panels(SERVICE)) if firing else 0)


def test_the_same_series_make_the_same_picture(tmp_path: Path) -> None:
    """A picture that is drawn again shows in Git only where the series differ."""
    for name in ("one", "other"):
        save(draw(SERVICE, client(), SPAN)[0], tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_panel_without_series_says_so_and_why(tmp_path: Path) -> None:
    """The GPUs of the local stack are simulated: the picture says it in the place of a graph."""
    figure, empty = draw(SERVICE, client(lambda metric: not metric.startswith("DCGM")), SPAN)
    save(figure, tmp_path / "service.svg")
    assert empty == ["GPU in use", "GPU memory", "GPU temperature", "GPU errors"]
    assert {"the GPUs of this cluster are", "simulated, and only real ones have"} <= _text(tmp_path / "service.svg")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx.Response(400, json={"status": "error", "error": "parse error"}), "refuses the query .*parse error"),
        (httpx.Response(200, text="<html>"), "no Prometheus answers at http://prometheus.test"),
    ],
)
def test_what_is_wrong_with_the_prometheus_is_a_sentence(answer: httpx.Response, sentence: str) -> None:
    """A URL of something else, or a query that is refused, names what was asked and what is allowed."""
    transport = httpx.MockTransport(lambda _: answer)
    with pytest.raises(PrometheusError, match=sentence):
        draw(SERVICE, httpx.Client(transport=transport, base_url="http://prometheus.test"), SPAN)


def test_variables_are_what_grafana_would_put_there() -> None:
    """Rates get a window, choices get all values."""
    assert plain('rate(a{b=~"$pool"}[$__rate_interval])', rate="90s") == 'rate(a{b=~".+"}[90s])'


def _text(file: Path) -> set[str]:
    texts = ET.parse(file).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314  # the test has just written it
    return {" ".join(node.itertext()).strip() for node in texts}
