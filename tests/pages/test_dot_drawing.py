"""Values with their intervals, drawn by the page: places on the track, round numbers below, names that are only names."""

import math
import re

import pytest

pytest.importorskip("streamlit")

from cadenza_core.analysis.dots import Dot, DotPlot, Kind
from pages.widgets.dot_drawing import dots_html

KINDS = (Kind("here", "#4477AA"), Kind("published", "#7D8A99", is_hollow=True))


def plot(*dots: Dot, zero: bool = False) -> DotPlot:
    return DotPlot("HAAQI, mean and 95 % interval", dots, KINDS, has_zero=zero)


def places(text: str, part: str) -> list[float]:
    return [float(number) for number in re.findall(rf'class="{part}" style="[^"]*?left:([-\d.]+)%', text)]


def test_values_stand_where_their_numbers_are():
    html = dots_html(plot(Dot("a", 0.5, 0.45, 0.55, 0, ()), Dot("b", 0.6, 0.5, 0.65, 0, ())))
    marks, bars = places(html, "mark"), places(html, "bar")
    assert len(marks) == len(bars) == 2
    shown = {
        float(words): float(place) for place, words in re.findall(r"<span style=\"left:([\d.]+)%\">([\d.]+)<", html)
    }
    assert len(shown) >= 4
    first, last = min(shown), max(shown)
    scale = (shown[last] - shown[first]) / (last - first)

    def at(value: float) -> float:
        return shown[first] + scale * (value - first)

    assert marks == pytest.approx([at(0.5), at(0.6)], abs=0.01)
    assert bars == pytest.approx([at(0.45), at(0.5)], abs=0.01)
    widths = [float(number) for number in re.findall(r"width:([\d.]+)%", html)]
    assert widths == pytest.approx([scale * 0.1, scale * 0.15], abs=0.01)


def test_what_is_published_is_hollow_and_has_no_interval_and_only_used_kinds_are_explained():
    html = dots_html(plot(Dot("a", 0.5, math.nan, math.nan, 1, ("HAAQI 0.5000",))))
    assert 'class="bar"' not in html and html.count('class="mark hollow"') == 2  # the value, and what it means
    assert "published" in html and ">here<" not in html
    assert 'title="a\nHAAQI 0.5000"' in html


def test_zero_is_marked_and_inside_even_if_no_value_is_near():
    html = dots_html(plot(Dot("a", 0.5, 0.4, 0.6, 0, ()), zero=True))
    (zero,) = places(html, "line zero")
    assert 0.0 < zero < 100.0
    assert 'class="line zero"' not in dots_html(plot(Dot("a", 0.5, 0.4, 0.6, 0, ())))


@pytest.mark.parametrize("values", [[], [0.0], [0.7], [0.7, 0.7], [-3.0, 1200.0], [1e-9, 2e-9]])
def test_any_values_have_a_few_round_numbers_below(values):
    html = dots_html(plot(*(Dot("a", value, math.nan, math.nan, 0, ()) for value in values)))
    assert 2 <= len(re.findall(r'<span style="left', html)) <= 8
    assert all(0.0 <= place <= 100.0 for place in places(html, "mark"))


def test_names_are_never_markup():
    html = dots_html(plot(Dot('&lt;script&gt;x&lt;/script&gt; &amp; "q"', 0.5, 0.4, 0.6, 0, ())))
    assert "<script" not in html
    assert 'title="&lt;script&gt;x&lt;/script&gt; &amp; &quot;q&quot;"' in html
