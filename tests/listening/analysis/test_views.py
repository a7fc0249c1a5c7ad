"""Every view of every design: a table, a figure and words, whatever the names are."""

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.analysis import VIEWS, Beside, answers_of, view_named, views_for
from cadenza_core.listening.analysis.figures import preselection_figure
from cadenza_core.listening.analysis.haaqi import stored_haaqi
from cadenza_core.listening.analysis.relovl import preselection, stored_sdr
from cadenza_core.store.exporting import to_csv, to_latex

from .simulated import SYSTEMS, chosen, identified, rated

HOSTILE = "<img src=x onerror=alert(1)> **b** =1+1 _{x} $x$"
DESIGNS = {
    "panel": (rated(people=4, songs=2), "systems comparisons spread excerpts participants haaqi agreement"),
    "mushra": (
        rated("mushra", people=4, songs=2, scales=("quality",)),
        "systems comparisons spread excerpts participants haaqi agreement screening",
    ),
    "relovl": (
        rated("relovl", people=4, songs=2, scales=("relevance", "overall")),
        "ranking systems comparisons spread excerpts participants agreement",
    ),
    "preference": (chosen(4, 2), "preferences strengths"),
    "abx": (identified(3, 6), "abx"),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_each_view_has_a_table_a_figure_and_a_method(design, scored):
    frame, names = DESIGNS[design]
    answers = answers_of(frame)
    assert [view.name for view in views_for(answers)] == names.split()
    for view in views_for(answers):
        shown = view.of(answers, beside=Beside(stored_haaqi(scored.table)))
        assert len(shown.frame) and len(view.figure(shown).data), view.name
        assert any(word in shown.about for word in ("95 %", "Post-screening", "Mean", "quartiles")), view.name
        assert to_latex(shown.frame).startswith("% needs")


@pytest.mark.parametrize("design", ["mushra", "relovl", "preference", "abx"])
def test_a_hostile_name_is_text_in_every_figure(design):
    frame, names = DESIGNS[design]
    renamed = {**dict(zip(SYSTEMS, [HOSTILE, "a" * 90, "a" * 80, "é"], strict=True)), "p00": HOSTILE, "Song 0": HOSTILE}
    answers = answers_of(frame.replace(renamed))
    for name in names.split():
        if name == "haaqi":
            continue
        shown = view_named(name).of(answers)
        text = view_named(name).figure(shown).to_json()
        assert "<img" not in text.replace("\\u003c", "<"), name
        assert "=1+1" not in [line[:4] for line in to_csv(shown.frame)[0].splitlines()]


def test_the_preselection_has_a_figure(scored):
    figure = preselection_figure(preselection(stored_sdr(scored.table)))
    assert sum(len(bar.x) for bar in figure.data) == 4


def test_a_view_of_another_design_or_none_is_refused():
    assert set(VIEWS) >= {"ranking", "abx"}
    with pytest.raises(CadenzaError, match="view 'abx' is not one of this test \\(panel\\); there are systems"):
        view_named("abx").of(answers_of(DESIGNS["panel"][0]))
    with pytest.raises(CadenzaError, match="no view 'means': ranking, systems"):
        view_named("means")
