"""Prediction files and their comparison: the official figures, and every way in which a file can be wrong."""

import json

import numpy as np
import pytest
import scipy.stats

from cadenza_core.errors import CadenzaError
from cadenza_core.intelligibility.clips import Clip
from cadenza_core.intelligibility.compare import compare_files, published, reliability
from cadenza_core.intelligibility.figures import figures
from cadenza_core.intelligibility.predictions import (
    parse_predictions,
    prediction_name,
    read_predictions,
    write_predictions,
)

HEADER = "signal_id,intelligibility_score"


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    names = ("No Loss", "Mild", "Moderate")
    return [Clip(f"s{n:03d}", f"{n // 6}", "a b", names[n % 3], None, float(rng.integers(0, 9)) / 8) for n in range(90)]


@pytest.fixture
def guess(truth):
    rng = np.random.default_rng(1)
    return {clip.signal: float(np.clip(100 * clip.correctness + rng.normal(0, 25), 0, 100)) for clip in truth}


def write(path, values, header=HEADER, line="{},{:.8f}"):
    path.write_text("\n".join([header, *(line.format(name, value) for name, value in values.items())]) + "\n")
    return path


def test_the_figures_are_the_baselines_own(truth, guess, tmp_path):
    """To 1e-6: `evaluate.py`'s formulas by NumPy and SciPy, in percent; files have eight digits here."""
    (row,) = compare_files(truth, [write(tmp_path / "a.csv", guess)]).rows
    x, y = np.array(list(guess.values())), np.array([100 * clip.correctness for clip in truth])
    assert row.overall.rmse == pytest.approx(np.sqrt(np.mean((x - y) ** 2)), abs=1e-6)
    assert row.overall.std_error == pytest.approx(np.std(x - y) / np.sqrt(len(x)), abs=1e-6)
    assert row.overall.ncc == pytest.approx(scipy.stats.pearsonr(x, y)[0], abs=1e-6)
    assert row.overall.kt == pytest.approx(scipy.stats.kendalltau(x, y)[0], abs=1e-6)
    mild = np.arange(1, 90, 3)
    assert row.by_severity["Mild"].rmse == pytest.approx(np.sqrt(np.mean((x - y)[mild] ** 2)), abs=1e-6)
    assert sum(part.n for part in row.by_severity.values()) == row.overall.n == 90


def test_the_error_of_the_rmse_is_that_of_repeated_draws():
    """Within 10 %: 4,000 sets of 300 errors, their RMSE's spread against the delta method's mean."""
    rng = np.random.default_rng(3)
    truth = np.zeros(300)
    made = [figures(rng.normal(0, 20, 300), truth) for _ in range(4000)]
    assert np.mean([one.rmse_error for one in made]) == pytest.approx(np.std([one.rmse for one in made]), rel=0.1)


def test_both_headers_and_both_scales_give_the_same_and_are_said(truth, guess, tmp_path):
    fractions = {name: value / 100 for name, value in guess.items()}
    files = [
        write(tmp_path / "site.csv", guess),
        write(tmp_path / "baseline.csv", fractions, "signal_ID,intelligibility_score"),
        write(tmp_path / "upper.csv", guess, "SIGNAL_ID,Intelligibility_Score"),
    ]
    rows = {row.name: row for row in compare_files(truth, files).rows}
    assert {round(row.overall.rmse, 5) for row in rows.values()} == {round(rows["site.csv"].overall.rmse, 5)}
    assert rows["site.csv"].notes == ()
    assert "taken as fractions, times 100" in rows["baseline.csv"].notes[0]


def test_the_known_trap_would_have_cost_an_rmse_of_twice_as_much(truth, guess, tmp_path):
    path = write(tmp_path / "a.csv", {name: value / 100 for name, value in guess.items()})
    (told,), (taken,) = (compare_files(truth, [path], scale=scale).rows for scale in ("auto", "percent"))
    assert taken.overall.rmse > 1.9 * told.overall.rmse
    assert taken.predictions.scale == "percent"
    with pytest.raises(CadenzaError, match="they are not fractions"):
        read_predictions(write(tmp_path / "b.csv", guess), "fraction")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "begins with ''"),
        (HEADER, "holds no predictions"),
        (f"{HEADER}\ns000,high", "line 2, s000: the score 'high' is not a number"),
        (f"{HEADER}\ns000,", "line 2, s000: the score '' is not a number"),
        (f"{HEADER}\ns000,nan", "is not within 0 to 100"),
        (f"{HEADER}\ns000,-0.5", "line 2, s000: the score -0.5 is not within 0 to 100"),
        (f"{HEADER}\ns000,100.5", "line 2, s000: the score 100.5 is not within 0 to 100"),
        (f"{HEADER}\ns000,5\ns000,6", "line 3: s000 is there twice, with 5 and 6"),
        (f"{HEADER}\ns000,5,6", "line 2: 3 fields; the header has 2"),
        (f"{HEADER}\ns000", "line 2: 1 fields; the header has 2"),
        (f"{HEADER}\n,5", "line 2: the signal's id is empty"),
        (f"{HEADER.replace(',', ';')}\ns000;5", "separates its fields by ';'"),
        (f"{HEADER.replace(',', chr(9))}\ns000\t5", "separates its fields by tabs"),
        ("s000,5\ns001,6", "the header signal_id,intelligibility_score (or signal_ID) is wanted"),
        ("signal_id,signal_ID,intelligibility_score\na,b,5", "is wanted"),
        ("name,score\ns000,5", "is wanted"),
    ],
)
def test_a_faulty_file_is_refused_with_its_line(text, words):
    with pytest.raises(CadenzaError) as error:
        parse_predictions(text, "mine.csv")
    assert str(error.value).startswith("mine.csv")
    assert words in str(error.value)


def test_bom_windows_lines_further_columns_and_repeated_lines_are_read():
    found = parse_predictions(f"team,{HEADER}\r\nT1,s000,50\r\nT1,s000,50\r\n\r\nT1,s001,7.5\r\n", "a.csv")
    assert dict(found.percent) == {"s000": 50.0, "s001": 7.5}
    assert found.notes == ("1 lines repeat a signal with the same score; each counts once",)


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\ns000,50\n".encode())
    assert dict(read_predictions(tmp_path / "a.csv").percent) == {"s000": 50.0}


def test_one_faulty_file_hides_no_other(truth, guess, tmp_path):
    good = write(tmp_path / "good.csv", guess)
    other = write(tmp_path / "other.csv", {f"x{name}": value for name, value in guess.items()})
    done = compare_files(truth, [tmp_path / "none.csv", good, other])
    assert [row.name for row in done.rows] == ["good.csv"]
    assert "There is no prediction file" in done.faults[str(tmp_path / "none.csv")]
    assert "predicts other signals than the truth has: 'xs000'" in done.faults["other.csv"]


def test_missing_and_unknown_signals_are_said_and_ranked_behind(truth, guess, tmp_path):
    exact = {clip.signal: 100 * clip.correctness for clip in truth}
    part = {name: exact[name] for name in list(exact)[:60]}
    paths = [write(tmp_path / "part.csv", {**part, "stranger": 50.0}), write(tmp_path / "whole.csv", guess)]
    whole, incomplete = compare_files(truth, paths).rows
    assert (whole.name, whole.is_complete) == ("whole.csv", True)
    assert (incomplete.missing, incomplete.unknown, incomplete.overall.n) == (30, 1, 60)
    assert incomplete.notes == (
        "30 of 90 signals are missing; the others are scored",
        "1 signals are not in the truth and do not count",
    )


def test_a_truth_without_answers_is_refused(truth, guess, tmp_path):
    blind = [Clip(clip.signal, clip.song, clip.prompt, clip.severity) for clip in truth]
    with pytest.raises(CadenzaError, match="90 of 90 records have no correctness"):
        compare_files(blind, [write(tmp_path / "a.csv", guess)])


def test_constant_predictions_have_no_correlation(truth, tmp_path):
    (row,) = compare_files(truth, [write(tmp_path / "a.csv", {clip.signal: 50.0 for clip in truth})]).rows
    assert np.isnan(row.overall.ncc) and np.isnan(row.overall.kt)
    assert row.overall.rmse > 0


def test_what_is_written_is_the_site_s_format(tmp_path):
    path = tmp_path / prediction_name("valid", "T001")
    assert path.name == "ICASSP2026_valid_T001.csv"
    write_predictions(path, ["a", "b"], [12.5, 100.0])
    assert path.read_text() == f"{HEADER}\na,12.500000\nb,100.000000\n"
    assert dict(read_predictions(path).percent) == {"a": 12.5, "b": 100.0}


@pytest.mark.parametrize("value", [-0.1, 100.1, float("nan")])
def test_a_prediction_out_of_range_is_never_written(tmp_path, value):
    with pytest.raises(CadenzaError, match="0 to 100 is accepted"):
        write_predictions(tmp_path / "a.csv", ["a"], [value])
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(("split", "team"), [("train", "T001"), ("valid", ""), ("valid", "../T1"), ("eval", "T 1")])
def test_names_that_the_site_would_not_take_are_refused(split, team):
    with pytest.raises(CadenzaError):
        prediction_name(split, team)


def test_the_calibration_curve_has_bins_of_equal_count_and_the_right_means():
    predicted = np.arange(100.0)
    truth = np.clip(predicted + 10, 0, 100)
    found = reliability(predicted, truth, 10)
    assert found.n.tolist() == [10] * 10
    np.testing.assert_allclose(found.predicted, np.arange(4.5, 100, 10))
    np.testing.assert_allclose(found.truth[:9] - found.predicted[:9], 10.0)
    flat = reliability(np.full(50, 30.0), np.linspace(0, 100, 50))
    assert (flat.n.tolist(), flat.predicted.tolist()) == ([50], [30.0])


def test_the_published_table_is_the_site_s(shared_data):
    content = json.loads((shared_data / "results" / "clip1_results.json").read_text(encoding="utf-8"))
    _, ours = published()
    theirs = [(row["id"], row["dRMSE"], row["eRMSE"], row["ecorr"]) for row in content["data"]]
    assert [(one.system, one.rmse("valid"), one.rmse("eval"), one.eval_ncc) for one in ours] == theirs
