"""The measures of language-queried separation and the evaluation that uses them."""

import math

import numpy as np
import pytest

from cadenza_core.errors import CadenzaError, Cancelled
from cadenza_core.quality.lass import lass_sdr, lass_sdri, si_sdr
from cadenza_core.quality.lass_evaluation import MEASURES, evaluate, other_query, write_row_scores
from cadenza_core.separation.lass.clips import read_clips
from cadenza_core.separation.lass.loading import load_model
from cadenza_core.separation.lass.mixtures import MixtureRow, pair_clips
from cadenza_core.separation.lass.models import find_model
from tests.lass import clips_folder, tiny_checkpoint, with_tiny  # noqa: F401

EPS = float(np.finfo(np.float32).eps)


def signals():
    random = np.random.default_rng(0)
    reference = random.standard_normal(5000).astype(np.float32) * 0.2
    return reference, {
        "random": random.standard_normal(5000).astype(np.float32) * 0.1,
        "silent": np.zeros(5000, np.float32),
        "perfect": reference.copy(),
        "scaled": 0.5 * reference,
        "inverted": -reference,
        "noisy": reference + random.standard_normal(5000).astype(np.float32) * 0.02,
    }


def formula_sdr(reference, estimate):
    reference, estimate = reference.astype(np.float64), estimate.astype(np.float64)
    error = max(np.mean((estimate - reference) ** 2), 1e-10)
    return 10 * np.log10(max(np.mean(reference**2), 1e-10) / error)


def formula_si_sdr(reference, estimate):
    reference, estimate = reference.astype(np.float64), estimate.astype(np.float64)
    scaled = (EPS + reference @ estimate) / (reference @ reference + EPS) * reference
    return 10 * np.log10((EPS + np.sum(scaled**2)) / (EPS + np.sum((estimate - scaled) ** 2)))


@pytest.mark.parametrize("kind", list(signals()[1]))
@pytest.mark.parametrize("silent_reference", [False, True])
def test_measures_equal_their_formulas_to_1e_5_db(kind, silent_reference):
    reference, estimates = signals()
    if silent_reference:
        reference = np.zeros_like(reference)
    estimate = estimates[kind]
    assert lass_sdr(reference, estimate) == pytest.approx(formula_sdr(reference, estimate), abs=1e-5)
    assert si_sdr(reference, estimate) == pytest.approx(formula_si_sdr(reference, estimate), abs=1e-5)
    mixture = estimates["noisy"]
    expected = formula_sdr(reference, estimate) - formula_sdr(reference, mixture)
    assert lass_sdri(reference, estimate, mixture) == pytest.approx(expected, abs=1e-5)


def test_measures_have_the_known_values():
    reference, estimates = signals()
    power = float(np.mean(reference.astype(float) ** 2))
    assert lass_sdr(reference, estimates["silent"]) == pytest.approx(0.0, abs=1e-9)
    assert lass_sdr(reference, estimates["scaled"]) == pytest.approx(20 * math.log10(2), abs=1e-5)
    assert lass_sdr(reference, estimates["inverted"]) == pytest.approx(-20 * math.log10(2), abs=1e-5)
    assert lass_sdr(reference, reference) == pytest.approx(10 * math.log10(power / 1e-10))
    assert lass_sdr(np.zeros(9), np.zeros(9)) == 0.0
    assert si_sdr(reference, estimates["scaled"]) == pytest.approx(
        si_sdr(reference, reference), abs=7
    )  # only eps is left
    assert si_sdr(reference, 3 * estimates["noisy"]) == pytest.approx(si_sdr(reference, estimates["noisy"]), abs=1e-4)


def test_signals_that_do_not_fit_are_refused():
    for one, other in ((np.zeros(3), np.zeros(4)), (np.zeros((1, 3)), np.zeros((1, 3))), (np.zeros(0), np.zeros(0))):
        for measure in (lass_sdr, si_sdr):
            with pytest.raises(ValueError, match="same length"):
                measure(one, other)


@pytest.fixture
def scene(with_tiny, clips_folder):  # noqa: F811
    loaded = load_model(find_model("tiny", with_tiny), with_tiny)
    return loaded, pair_clips(read_clips(clips_folder), 6, seed=1), clips_folder


def test_an_evaluation_measures_each_line_and_gives_plain_means(scene, tmp_path):
    loaded, rows, folder = scene
    made = evaluate(loaded, rows, folder, tmp_path / "a.jsonl", "tiny")
    assert [row.source for row in made.rows] == [row.source for row in rows]
    for name in MEASURES:
        assert made.means()[name] == pytest.approx(np.mean([getattr(row, name) for row in made.rows]))
    for row in made.rows:
        assert row.sdri == pytest.approx(row.sdr - row.mixture_sdr)
        assert row.mixture_sdr == pytest.approx(row.snr, abs=0.01)  # what the rule makes
    assert sum(values["count"] for values in made.per_snr().values()) == 6
    assert [values["sdri"] for values in made.per_query().values()] == sorted(
        values["sdri"] for values in made.per_query().values()
    )
    write_row_scores(tmp_path / "rows.csv", made)
    assert (tmp_path / "rows.csv").read_text().splitlines()[0] == (
        "source,noise,snr,query,asked,sdr,sdri,si_sdr,mixture_sdr"
    )


def test_a_stopped_evaluation_goes_on_where_it_was(scene, tmp_path, monkeypatch):
    loaded, rows, folder = scene

    def stop(done, text):
        if text.startswith("line 4"):
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        evaluate(loaded, rows, folder, tmp_path / "a.jsonl", "tiny", progress=stop)
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write('{"line": 3, "source": "cut o')  # as a killed process leaves it
    seen = []
    made = evaluate(loaded, rows, folder, tmp_path / "a.jsonl", "tiny", progress=lambda done, text: seen.append(text))
    assert [text.split(",")[0] for text in seen[:-1]] == [f"line {n} of 6" for n in (4, 5, 6)]
    whole = evaluate(loaded, rows, folder, tmp_path / "b.jsonl", "tiny")
    assert made == whole
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 7


def test_results_of_something_else_are_not_mixed_in(scene, tmp_path):
    loaded, rows, folder = scene
    evaluate(loaded, rows[:2], folder, tmp_path / "a.jsonl", "tiny")
    for others, name in ((rows[:3], "tiny"), (rows[:2], "another")):
        with pytest.raises(CadenzaError, match="results of another model, CSV or set of queries"):
            evaluate(loaded, others, folder, tmp_path / "a.jsonl", name)
    (tmp_path / "a.jsonl").write_text("nonsense\n")
    with pytest.raises(CadenzaError, match="is not a file of results"):
        evaluate(loaded, rows[:2], folder, tmp_path / "a.jsonl", "tiny")


def test_a_wrong_query_is_that_of_a_third_sound():
    rows = [MixtureRow(f"{q}{n}", f"{o}0", 0.0, q) for q, o in (("a", "b"), ("b", "c"), ("c", "a")) for n in range(3)]
    choose = other_query(rows)
    for row in rows:
        assert choose(row) not in (row.query, row.noise[0])
        assert choose(row) == choose(row)
    with pytest.raises(CadenzaError, match="at least three"):
        other_query(rows[:3])
