"""The shallow predictor: its grid, its layers, when it is validated, when it stops, and what it keeps."""

import random

import numpy as np
import pytest
import sklearn.model_selection
import torch

from cadenza_core.embedding.leaderboard import published, standing
from cadenza_core.embedding.predictor import GridPoint, Verdict, drawn_points, fit, grid_points, make_predictor, predict


def test_the_grid_has_the_16_points_in_the_evaluation_kits_order_and_8_are_drawn_as_it_does():
    points = grid_points()
    assert len(points) == len(set(points)) == 16
    assert {(p.hidden_layers, p.lr, p.initialization) for p in points} == {
        (layers, rate, init)
        for layers in (1, 2)
        for rate in (3.2e-3, 1e-3, 3.2e-4, 1e-4)
        for init in ("xavier_uniform", "xavier_normal")
    }
    fixed = {
        (p.hidden_dim, p.dropout, p.batch_size, p.max_epochs, p.check_val_every_n_epoch, p.patience) for p in points
    }
    assert fixed == {(1024, 0.1, 1024, 500, 3, 20)}
    kit = {"hidden_layers": [1, 2], "hidden_dim": [1024], "dropout": [0.1], "lr": [3.2e-3, 1e-3, 3.2e-4, 1e-4]}
    kit |= {"patience": [20], "max_epochs": [500], "check_val_every_n_epoch": [3], "batch_size": [1024]}
    kit |= {"hidden_norm": ["BatchNorm1d"], "norm_after_activation": [False], "embedding_norm": ["Identity"]}
    kit |= {"initialization": ["xavier_uniform", "xavier_normal"], "optim": ["Adam"]}
    order = list(sklearn.model_selection.ParameterGrid(kit))
    assert [(c["hidden_layers"], c["initialization"], c["lr"]) for c in order] == [
        (p.hidden_layers, p.initialization, p.lr) for p in points
    ]
    random.seed(42)
    random.shuffle(order)
    assert [(c["hidden_layers"], c["initialization"], c["lr"]) for c in order[:8]] == [
        (p.hidden_layers, p.initialization, p.lr) for p in drawn_points(points, 8)
    ]
    assert len(grid_points("fast")) == len(grid_points("faster")) == 64
    assert {p.check_val_every_n_epoch for p in grid_points(own={"check_val_every_n_epoch": [10]})} == {10}


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("init", ["xavier_uniform", "xavier_normal"])
def test_the_layers_are_the_evaluation_kits(layers, init):
    torch.manual_seed(0)
    network = make_predictor(60, 5, GridPoint(hidden_layers=layers, hidden_dim=400, initialization=init))
    kinds = [type(layer).__name__ for layer in network]
    assert kinds == ["Linear", "BatchNorm1d", "Dropout", "ReLU"] * layers + ["Linear"]
    assert all(layer.p == 0.1 for layer in network if isinstance(layer, torch.nn.Dropout))
    linears = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    sizes = [60, *[400] * layers, 5]
    torch.manual_seed(0)
    for number, layer in enumerate(linears):
        expected = torch.nn.Linear(sizes[number], sizes[number + 1])
        gain = torch.nn.init.calculate_gain("relu" if number else "linear")
        getattr(torch.nn.init, f"{init}_")(expected.weight, gain=gain)
        assert torch.equal(layer.weight, expected.weight) and torch.equal(layer.bias, expected.bias)


def tiny_data(n: int = 40):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, n)
    features = (generator.standard_normal((n, 6)) + 3 * labels[:, None]).astype(np.float32)
    return features, np.eye(2, dtype=np.float32)[labels]


def scripted(scores):
    """A judge that says what it is told, and notes how often it was asked."""
    asked = []

    def judge(network):
        asked.append({name: value.clone() for name, value in network.state_dict().items()})
        return Verdict(scores[min(len(asked), len(scores)) - 1])

    return judge, asked


@pytest.mark.parametrize("maximise", [True, False])
def test_the_best_state_counts_and_training_stops_after_20_validations_without_a_better_one(maximise):
    features, targets = tiny_data()
    sign = 1 if maximise else -1
    judge, asked = scripted([sign * score for score in (0.1, 0.5, 0.5, 0.7, 0.6)] + [sign * 0.7] * 400)
    point = GridPoint(hidden_dim=8)
    found = fit(features, targets, judge, point, multiclass=True, maximise=maximise)
    assert len(asked) == 4 + 20  # the fourth was the best; an equal one is not better
    assert found.epochs == 3 * 24
    assert found.epoch == 3 * 4 - 1
    assert found.verdict.score == sign * 0.7
    assert all(torch.equal(value, asked[3][name]) for name, value in found.network.state_dict().items())


def test_nan_is_never_the_best_and_500_epochs_are_the_most():
    features, targets = tiny_data()
    judge, asked = scripted([float("nan"), 0.2] + [0.2 + 1e-6 * k for k in range(1, 400)])
    found = fit(features, targets, judge, GridPoint(hidden_dim=4), multiclass=True, maximise=True)
    assert found.epochs == 500 and len(asked) == 166
    judge, asked = scripted([float("nan")])
    assert (
        fit(features, targets, judge, GridPoint(hidden_dim=4, max_epochs=30), multiclass=True, maximise=True).epochs
        == 30
    )


def test_training_is_the_same_each_time_and_leaves_the_random_state_alone():
    features, targets = tiny_data()
    judge, _ = scripted([0.5])
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    point = GridPoint(hidden_dim=8, max_epochs=9)
    one, other = (fit(features, targets, judge, point, multiclass=False, maximise=True) for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    assert np.array_equal(*(predict(each.network, features, multiclass=False) for each in (one, other)))


def test_it_learns_one_label_each_and_any_number():
    features, targets = tiny_data(200)

    def judge(network):
        return Verdict(float(np.mean(predict(network, features, multiclass=True).argmax(1) == targets.argmax(1))))

    found = fit(features, targets, judge, GridPoint(hidden_dim=16), multiclass=True, maximise=True)
    probabilities = predict(found.network, features, multiclass=True)
    assert found.verdict.score > 0.98 and np.allclose(probabilities.sum(1), 1, atol=1e-5)
    both = np.concatenate([targets, np.ones((200, 1), np.float32)], 1)

    def judge_both(network):
        return Verdict(float(np.mean((predict(network, features, multiclass=False) > 0.5) == both)))

    found = fit(features, both, judge_both, GridPoint(hidden_dim=16), multiclass=False, maximise=True)
    probabilities = predict(found.network, features, multiclass=False)
    assert np.mean((probabilities > 0.5) == both) > 0.98


def test_a_last_batch_of_one_is_left_out_and_one_sound_alone_does_not_fail():
    features, targets = tiny_data(5)
    judge, _ = scripted([0.5])
    point = GridPoint(hidden_dim=4, batch_size=4, max_epochs=3)
    fit(features, targets, judge, point, multiclass=True, maximise=True)
    fit(features[:1], targets[:1], judge, point, multiclass=True, maximise=True)


def test_the_published_results_are_those_of_the_leaderboard():
    tables = published()
    assert len(tables) == 5 and all(len(table) >= 29 for table in tables.values())
    speech = tables["speech_commands-v0.0.2-full"]
    assert round(max(speech.values()), 3) == 0.978 and round(speech["wav2vec2"], 3) in (0.878, 0.879)
    dcase = tables["dcase2016_task2-hear2021-full"]
    assert round(max(dcase.values()), 3) == 0.925 and round(dcase["OpenL3"], 3) == 0.833
    pitch = tables["nsynth_pitch-v2.2.3-50h"]
    assert max(pitch, key=lambda model: pitch[model]) == "CREPE" and round(pitch["wav2vec2"], 3) == 0.653
    place = standing("nsynth_pitch-v2.2.3-50h", {"pitch_acc": 0.8, "chroma_acc": 0.9})
    assert place.best == ("CREPE", 0.9) and place.rank == 8 and place.entries == 30
    assert standing("nsynth_pitch-v2.2.3-50h", {"pitch_acc": 0.99}).rank == 1
    assert standing("tone_pitch-v1-full", {"pitch_acc": 1.0}) is None
    assert standing("nsynth_pitch-v2.2.3-50h", {"chroma_acc": 1.0}) is None
