"""REL/OVL: the ranking by hand, and who goes into the listening test."""

import numpy as np
import pandas as pd
import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.analysis import Choice, answers_of, view_named
from cadenza_core.listening.analysis.relovl import incomplete, preselection, ranking, read_sdr, stored_sdr

from .simulated import rated


@pytest.fixture(scope="module")
def judged():
    return rated("relovl", scales=("relevance", "overall"))


def test_the_ranking_is_the_mean_of_both_scales(judged):
    found = ranking(answers_of(judged), Choice(), pd.DataFrame({"system": ["beta"], "team": ["T2"]})).set_index(
        "system"
    )
    means = judged.groupby(["condition", "scale"])["value"].mean().unstack("scale")
    both = means.mean(axis=1).sort_values(ascending=False)
    assert found.index.tolist() == both.index.tolist()
    np.testing.assert_allclose(found["mean"], both, atol=1e-12)
    np.testing.assert_allclose(found["relevance"], means.loc[both.index, "relevance"], atol=1e-12)
    np.testing.assert_allclose(found["overall"], means.loc[both.index, "overall"], atol=1e-12)
    assert found["rank"].tolist() == [1, 2, 3, 4] and found.loc["beta", "team"] == "T2"
    assert ((found["low"] < found["mean"]) & (found["mean"] < found["high"])).all()
    assert (found["judgements"] == 50).all()


def test_a_judgement_without_one_scale_does_not_count_and_equal_means_share_a_rank(judged):
    gap = judged.drop(index=judged.query("condition == 'alpha' and scale == 'overall' and song == 'Song 0'").index)
    assert incomplete(answers_of(gap)) == 10
    found = ranking(answers_of(gap), Choice()).set_index("system")
    rest = judged.query("condition == 'alpha' and song != 'Song 0'")
    assert found.loc["alpha", "mean"] == pytest.approx(rest["value"].mean(), abs=1e-12)
    assert "10 judgements lack one" in view_named("ranking").of(answers_of(gap)).notes[0]
    same = judged.assign(value=3.0)
    assert ranking(answers_of(same), Choice())["rank"].tolist() == [1, 1, 1, 1]
    with pytest.raises(CadenzaError, match="relevance and of overall quality of the same sound"):
        ranking(answers_of(judged[judged["scale"] == "overall"]), Choice())


def test_five_systems_one_of_each_team():
    rows = [
        ("a1", "A", 9.0),
        ("a2", "A", 8.5),
        ("b1", "B", 8.0),
        ("x", "", 7.5),
        ("y", "", 7.0),
        ("c", "C", 6.0),
        ("d", "D", 5.0),
    ]
    found = preselection(pd.DataFrame(rows, columns=["system", "team", "sdr"]).sample(frac=1, random_state=0))
    chosen = found[found["selected"]]
    assert chosen["system"].tolist() == ["a1", "b1", "x", "y", "c"]
    why = found.set_index("system")["why"]
    assert why["a2"] == "its team has a better one, a1" and why["d"] == "5 systems are better"
    assert found["rank"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert preselection(found, 1)["selected"].sum() == 1


def test_bad_tables_of_sdr(tmp_path):
    frame = pd.DataFrame({"system": ["a", "a"], "team": "", "sdr": [1.0, 2.0]})
    with pytest.raises(CadenzaError, match="a is in the table twice"):
        preselection(frame)
    with pytest.raises(CadenzaError, match="No system has an SDR"):
        preselection(frame.assign(sdr=np.nan))
    with pytest.raises(CadenzaError, match="not 0"):
        preselection(frame, 0)
    path = tmp_path / "sdr.csv"
    for text, said in (
        ("system,team\na,b\n", "sdr is missing"),
        ("system,sdr\na,\n", "line 2, sdr: an SDR in dB is wanted"),
        ("system,sdr\n", "only a header"),
    ):
        path.write_text(text)
        with pytest.raises(CadenzaError, match=said):
            read_sdr(path)
    path.write_text("system;team;sdr\nmine;'=T;5,7\nyours;;6\n")
    assert read_sdr(path).to_dict("records") == [
        {"system": "mine", "team": "=T", "sdr": 5.7},
        {"system": "yours", "team": "", "sdr": 6.0},
    ]


def test_stored_scores_give_mean_sdr_and_team(scored):
    found = stored_sdr(scored.table, scored.store).set_index("system")
    np.testing.assert_allclose(found["sdr"], scored.sdr.groupby("system")["value"].mean(), rtol=1e-12)
    assert set(found["team"]) == {"T"}
    assert preselection(found.reset_index())["selected"].sum() == 1  # all are of one team
