"""Scores: scikit-learn's and sed_eval's numbers on random cases, with empty predictions among them.

sed_eval 0.2.1 does not install with today's setuptools, so its numbers are stored: `reference/make_sed_eval.py` makes them.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics
from scipy.stats import norm

from cadenza_core.embedding.retrieval import l1_distances, retrieval_scores
from cadenza_core.embedding.scores import EVENT_SCORES, SCENE_SCORES, find_scores, score_events, score_scenes
from cadenza_core.errors import CadenzaError

from .reference.cases import LABELS, event_case

REFERENCE = Path(__file__).parent / "reference" / "sed_eval.json"


def scene_case(seed: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Probabilities and targets; every second case has one label each; in some a label is never on."""
    random = np.random.default_rng(seed)
    n, labels = int(random.integers(2, 60)), int(random.integers(2, 14))
    probabilities = random.random((n, labels)).astype(np.float32)
    if seed % 5 == 0:
        probabilities = np.round(probabilities, 1)  # ties
    multiclass = seed % 2 == 0
    if multiclass:
        targets = np.eye(labels, dtype=np.float32)[random.integers(0, labels, n)]
    else:
        targets = (random.random((n, labels)) < random.uniform(0.1, 0.7)).astype(np.float32)
    return probabilities, targets, multiclass


@pytest.mark.filterwarnings("ignore")
def test_scene_scores_equal_scikit_learns_on_100_random_cases():
    scores = list(SCENE_SCORES.values())
    for seed in range(100):
        probabilities, targets, multiclass = scene_case(seed)
        found = score_scenes(scores, probabilities, targets)
        guess, truth = probabilities.argmax(1), targets.argmax(1)
        assert (
            found["top1_acc"]
            == found["pitch_acc"]
            == pytest.approx(sklearn.metrics.accuracy_score(truth, guess), abs=1e-12)
        )
        assert found["chroma_acc"] == pytest.approx(sklearn.metrics.accuracy_score(truth % 12, guess % 12), abs=1e-12)
        expected = sklearn.metrics.average_precision_score(targets, probabilities, average="macro")
        assert found["mAP"] == pytest.approx(expected, abs=1e-12)
        defined = [0 < column.sum() < len(column) for column in targets.T]
        if not all(defined):
            assert math.isnan(found["aucroc"]) and math.isnan(found["d_prime"])
            continue
        areas = [sklearn.metrics.roc_auc_score(t, p) for t, p in zip(targets.T, probabilities.T, strict=True)]
        assert found["aucroc"] == pytest.approx(np.mean(areas), abs=1e-12)
        d_prime = np.mean(norm.ppf(areas) * np.sqrt(2))
        assert found["d_prime"] == pytest.approx(d_prime, abs=1e-9) or not np.isfinite(d_prime)
        assert not multiclass or found["top1_acc"] <= found["chroma_acc"]


def test_event_scores_equal_sed_evals_on_100_random_cases_to_1e_12():
    expected = json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
    assert len(expected) == 100
    scores = list(EVENT_SCORES.values())
    kinds = {"nothing estimated": 0, "nothing true": 0, "edge": 0}
    for seed, numbers in enumerate(expected):
        estimated, reference = event_case(seed)
        found = score_events(scores, estimated, reference, LABELS)
        for name, value in numbers.items():
            assert found[name] == pytest.approx(math.nan if value is None else value, abs=1e-12, nan_ok=True), (
                seed,
                name,
            )
        kinds["nothing estimated"] += not any(estimated.values())
        kinds["nothing true"] += not any(reference.values())
        kinds["edge"] += seed % 4 == 1
    assert min(kinds.values()) >= 2, kinds  # the cases hold what they shall


def test_a_file_without_estimates_and_one_without_truth_count():
    from cadenza_core.embedding.tasks import Event

    events = {"a.wav": [Event("x", 0, 900)], "b.wav": []}
    truth = {"a.wav": [Event("x", 100, 900)], "b.wav": [Event("x", 0, 500)]}
    found = score_events(find_scores(["event_onset_200ms_fms", "segment_1s_er"], "event"), events, truth, ["x"])
    assert found["event_onset_200ms_fms_precision"] == 1.0
    assert found["event_onset_200ms_fms_recall"] == 0.5
    assert found["segment_1s_er"] == pytest.approx(0.5)


def test_an_unknown_score_is_named():
    with pytest.raises(CadenzaError, match="no score 'bleu'"):
        find_scores(["bleu"], "scene")
    with pytest.raises(CadenzaError, match="for scene tasks"):
        find_scores(["segment_1s_er"], "scene")


def test_retrieval_ranks_by_l1_and_scores_like_scikit_learn_on_100_random_cases():
    for seed in range(100):
        random = np.random.default_rng(seed)
        n, size, labels = int(random.integers(3, 25)), int(random.integers(1, 40)), int(random.integers(1, 6))
        vectors = random.standard_normal((n, size)).astype(np.float32)
        targets = np.eye(labels, dtype=np.float32)[random.integers(0, labels, n)]
        found = retrieval_scores(vectors, targets)
        precisions, firsts, ranks = [], [], []
        for k in range(n):
            distance = np.abs(vectors - vectors[k]).sum(1)
            assert np.allclose(l1_distances(vectors[k], vectors), distance, rtol=1e-5)
            others = np.arange(n) != k
            right = (targets[others] == targets[k]).all(1)
            if right.any():
                precisions.append(sklearn.metrics.average_precision_score(right, -distance[others]))
                order = np.argsort(distance[others])
                firsts.append(right[order[0]])
                ranks.append(1 / (1 + np.argmax(right[order])))
        assert found["queries"] == len(precisions) and found["without_answer"] == n - len(precisions)
        if precisions:
            assert found["retrieval_mAP"] == pytest.approx(np.mean(precisions), abs=1e-9)
            assert found["retrieval_p_at_1"] == pytest.approx(np.mean(firsts))
            assert found["retrieval_mrr"] == pytest.approx(np.mean(ranks))
        else:
            assert math.isnan(found["retrieval_mAP"])
