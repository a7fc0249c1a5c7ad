"""Values with their intervals: what a page draws and what Plotly draws have the same content."""

import numpy as np
import pandas as pd
import pytest

from cadenza_core.analysis.dots import leaderboard_dots, significance_dots

pytest.importorskip("plotly")
from cadenza_core.analysis.figures import dot_figure


def board(names: list[str]) -> pd.DataFrame:
    published = [False] * (len(names) - 1) + [True]
    return pd.DataFrame(
        {
            "system": names,
            "published": published,
            "haaqi": np.linspace(0.7, 0.5, len(names)),
            "low": [np.nan if one else 0.4 for one in published],
            "high": [np.nan if one else 0.8 for one in published],
        }
    )


def test_a_leaderboards_lines_are_its_rows_in_their_order():
    plot = leaderboard_dots(board(["one", "two", "three"]))
    assert [dot.label for dot in plot.dots] == ["one", "two", "three (published)"]
    assert [dot.value for dot in plot.dots] == pytest.approx([0.7, 0.6, 0.5])
    assert [plot.kinds[dot.kind].name for dot in plot.dots] == ["here", "here", "published"]
    assert plot.dots[0].words == ("HAAQI 0.7000",) and (plot.dots[0].low, plot.dots[0].high) == (0.4, 0.8)
    assert np.isnan(plot.dots[2].low)


def test_names_are_no_markup_and_long_ones_that_begin_alike_stay_apart():
    names = ["<b>bold</b>", "a" * 60 + "1", "a" * 60 + "2", "last"]
    labels = [dot.label for dot in leaderboard_dots(board(names)).dots]
    assert labels[0] == "&lt;b&gt;bold&lt;/b&gt;" and len(set(labels)) == 4


def test_differences_have_their_test_in_words_and_plotly_draws_the_same():
    frame = pd.DataFrame(
        {
            "system": ["a", "b"],
            "other": ["c", "c"],
            "difference": [0.02, -0.001],
            "low": [0.01, -0.01],
            "high": [0.03, 0.008],
            "share_better": [0.8, 0.45],
            "count": [50, 50],
            "p_holm": [0.0012, 0.4],
            "significant": [True, False],
        }
    )
    plot = significance_dots(frame, unit="songs")
    assert plot.has_zero and [dot.kind for dot in plot.dots] == [0, 1]
    assert plot.dots[0].words == ("+0.0200", "p = 0.0012 (Holm)", "higher in 80 % of 50 songs")
    figure = dot_figure(plot)
    assert [trace.name for trace in figure.data] == ["p < 0.05 (Holm)", "not significant"]
    assert list(figure.layout.yaxis.categoryarray) == ["b - c", "a - c"]  # Plotly's axis begins at the bottom
    (trace, _) = figure.data
    assert trace.error_x.array[0] == pytest.approx(0.01) and "p = 0.0012 (Holm)" in trace.hovertext[0]
