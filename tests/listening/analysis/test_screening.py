"""Post-screening by BS.1534-3: each clause at its limit."""

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.analysis import Choice, answers_of, view_named
from cadenza_core.listening.analysis.screening import excused_items, screened, screening

from .simulated import rated


@pytest.fixture
def mushra():
    """Twenty items, so that 15 % are three; five participants; nobody breaks a rule."""
    frame = rated("mushra", people=5, songs=20, scales=("quality",))
    frame.loc[frame["role"] == "reference", "value"] = 100.0
    frame.loc[frame["condition"] == "anchor70", "value"] = 50.0
    return frame


def given(frame, participant, condition, value, items):
    songs = [f"Song {n}" for n in range(items)]
    rows = (frame["participant"] == participant) & (frame["condition"] == condition) & frame["song"].isin(songs)
    frame.loc[rows, "value"] = value


def out(frame):
    found = screening(answers_of(frame))
    return found.loc[found["left_out"], "participant"].tolist()


def test_the_reference_below_90_for_more_than_15_percent(mushra):
    given(mushra, "p00", "reference", 89.9, 3)  # 15 %: not more
    given(mushra, "p01", "reference", 89.9, 4)
    given(mushra, "p02", "reference", 90.0, 20)  # 90 is not lower than 90
    assert out(mushra) == ["p01"]
    assert screening(answers_of(mushra))["why"].iloc[0] == "reference below 90 for 4 of 20 items"


def test_the_anchor_above_90_for_more_than_15_percent(mushra):
    given(mushra, "p00", "anchor70", 90.1, 3)
    given(mushra, "p01", "anchor70", 90.0, 20)
    given(mushra, "p03", "anchor35", 99.0, 20)  # the rule is about the mid-range anchor
    rows = (mushra["participant"] == "p02") & (mushra["condition"] == "anchor70")
    mushra.loc[rows & mushra["song"].isin([f"Song {n}" for n in range(10, 14)]), "value"] = 95.0
    assert out(mushra) == ["p02"]


def test_an_item_whose_anchor_more_than_a_quarter_rate_above_90_excuses(mushra):
    """Two of five are 40 %: these items do not count, for the anchor only."""
    for participant in ("p00", "p01"):
        given(mushra, participant, "anchor70", 95.0, 4)
    assert excused_items(answers_of(mushra)) == [f"Song {n}" for n in range(4)]
    assert out(mushra) == []
    assert screening(answers_of(mushra))["anchor_items"].unique().tolist() == [16]
    given(mushra, "p02", "reference", 10.0, 4)
    assert out(mushra) == ["p02"]


def test_what_is_left_is_analysed_and_who_is_out_is_said(mushra):
    given(mushra, "p01", "reference", 20.0, 9)
    answers = answers_of(mushra)
    shown = view_named("systems").of(answers, Choice(screened=True))
    whole, others = view_named("systems").of(answers), answers_of(mushra[mushra["participant"] != "p01"])
    assert shown.frame.equals(view_named("systems").of(others).frame)
    assert not shown.frame.equals(whole.frame)
    assert shown.notes[0] == (
        "post-screening (BS.1534-3) leaves out 1 of 5 participants: p01 (reference below 90 for 9 of 20 items)"
    )
    assert view_named("screening").of(answers, Choice(screened=True)).frame["left_out"].sum() == 1
    assert screened(screened(answers)).participants == ["p00", "p02", "p03", "p04"]


def test_where_it_cannot_be_it_is_said(mushra):
    for participant in range(5):
        given(mushra, f"p0{participant}", "reference", 20.0, 20)
    with pytest.raises(CadenzaError, match="leaves nobody"):
        screened(answers_of(mushra))
    with pytest.raises(CadenzaError, match="needs ratings of a hidden reference"):
        screened(answers_of(rated(people=2, songs=1)))
    with pytest.raises(CadenzaError, match="view 'screening' is not one of this test"):
        view_named("screening").of(answers_of(rated(people=2, songs=1)))
