"""Ratings against HAAQI: which score a stimulus gets, and the correlation by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.analysis import Beside, Choice, answers_of, view_named
from cadenza_core.listening.analysis.haaqi import rated_points, stored_haaqi

from .simulated import rated

BAQ = Choice(scale="basic_audio_quality")


@pytest.fixture
def haaqi(scored):
    return stored_haaqi(scored.table)


@pytest.mark.parametrize(
    ("points", "key"),
    [("stimulus", ["system", "song", "listener"]), ("song", ["system", "song"]), ("system", ["system"])],
)
def test_the_correlation_is_that_of_the_means_by_hand(scored, haaqi, points, key):
    frame = rated()
    shown = view_named("haaqi").of(answers_of(frame), Choice(scale="clarity", points=points), Beside(haaqi))
    kept = frame[(frame["scale"] == "clarity") & (frame["song"] != "Song 4")]  # which has no scores
    rating = kept.groupby(["system", "song", "listener"])["value"].mean().groupby(key).mean()
    score = scored.haaqi.groupby(["system", "song", "listener"])["value"].mean().groupby(key).mean()
    both = pd.concat([rating, score], axis=1, keys=["rating", "haaqi"])
    found = shown.frame.set_index("correlation")
    for name, test in (
        ("Pearson's r", stats.pearsonr),
        ("Spearman's rho", stats.spearmanr),
        ("Kendall's tau-b", stats.kendalltau),
    ):
        theirs = test(both["haaqi"], both["rating"])
        assert found.loc[name, "value"] == pytest.approx(theirs.statistic, abs=1e-12)
        assert found.loc[name, "p"] == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (found["points"] == len(both)).all()
    assert shown.notes[:2] == (
        "32 of 40 rated stimuli have a HAAQI of the same excerpt",
        "8 have none and are left out",
    )


def test_a_set_without_the_excerpt_gives_the_songs_score_and_says_so(haaqi):
    frame = rated(songs=2).assign(excerpt="10-25")
    points, notes = rated_points(answers_of(frame), BAQ, haaqi)
    assert notes == [
        "0 of 16 rated stimuli have a HAAQI of the same excerpt",
        "16 take that of the whole song for the listener",
    ]
    two = pd.concat([haaqi, haaqi.assign(excerpt="10-25", haaqi=0.25)])
    exact, notes = rated_points(answers_of(frame), BAQ, two)
    assert len(notes) == 1 and set(exact["haaqi"]) == {0.25} and len(points) == 16


def test_without_a_listener_it_is_the_songs_mean_over_listeners(haaqi):
    points, notes = rated_points(answers_of(rated(songs=2).assign(listener="")), BAQ, haaqi)
    assert notes[1] == "8 are of no listener and take the song's mean over listeners"
    expected = haaqi.query("system == 'beta' and song == 'Song 1'")["haaqi"].mean()
    assert points.query("system == 'beta' and song == 'Song 1'")["haaqi"].item() == pytest.approx(expected)


def test_only_systems_are_correlated_and_nothing_in_common_is_said(haaqi):
    mushra = answers_of(rated("mushra", songs=2, scales=("quality",)))
    points, _ = rated_points(mushra, Choice(scale="quality"), haaqi)
    assert set(points["system"]) == {"alpha", "beta", "gamma", "delta"}
    with pytest.raises(CadenzaError, match="Nothing that was rated has a HAAQI"):
        view_named("haaqi").of(mushra, Choice(), Beside(haaqi.assign(system="other")))
    with pytest.raises(CadenzaError, match="Say which evaluation set"):
        view_named("haaqi").of(mushra)
    assert np.isfinite(points["haaqi"]).all()
