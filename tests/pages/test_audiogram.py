"""The drawn audiogram: the clinical way round, every point in its place."""

import re

import pytest

pytest.importorskip("streamlit")

from cadenza_core.catalog import make_listener
from pages.widgets.audiogram import audiogram_svg, audiogram_text

HERTZ = [250, 500, 1000, 2000, 4000, 6000]


def points(svg: str, colour: str) -> list[tuple[float, float]]:
    line = re.search(rf'<polyline points="([^"]*)" fill="none" stroke="{colour}"', svg)
    assert line
    return [tuple(map(float, pair.split(","))) for pair in line[1].split()]


def test_levels_go_down_frequencies_are_octaves_and_ears_have_their_symbols():
    svg = audiogram_svg(make_listener("L1", HERTZ, [0, 0, 0, 0, 0, 0], [10, 20, 40, 60, 80, 110]))
    right, left = points(svg, "#d9443e"), points(svg, "#3a82de")
    assert [y for _, y in right] == sorted(y for _, y in right)
    assert right[-1][1] > left[-1][1]
    octaves = [right[n + 1][0] - right[n][0] for n in range(4)]
    assert max(octaves) - min(octaves) < 0.3
    assert svg.count("<circle") == len(HERTZ) + 1
    assert svg.count("l7.2 7.2m0-7.2l-7.2 7.2") == len(HERTZ) + 1
    assert all(band in svg for band in ("none", "mild", "moderate", "severe", "profound"))


def test_no_name_gets_into_the_drawing():
    listener = make_listener("<script>alert(1)<script>", HERTZ, [0] * 6, [50] * 6)
    assert "script" not in audiogram_svg(listener)
    assert audiogram_text(listener) == "Right 50 dB HL (moderate), left 0 dB HL (none)"
