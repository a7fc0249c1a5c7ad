"""The guide's whole run, from a data set to a compared prediction, with a recogniser whose weights are made here."""

import json

import pytest

from cadenza_core.errors import CadenzaError
from cadenza_core.intelligibility.enhance import make_enhancer
from cadenza_core.intelligibility.judge import RecogniserJudge
from cadenza_core.intelligibility.predictions import read_predictions
from cadenza_core.intelligibility.run import whole_run

from .test_recognisers import Fixed


@pytest.fixture
def judge():
    """It hears the same words in everything: prompts with more of them score higher, so there is something to calibrate."""
    return RecogniserJudge(Fixed(["love me tender hold on", "to the night"]))


@pytest.mark.parametrize("layout", ["{root}/{split}", "{root}/audio/{split}"])
def test_the_whole_run_writes_every_step_and_the_site_s_file(make_clips, settings, judge, tmp_path, layout):
    root = make_clips(tmp_path, ("train", "valid"), clips=12, layout=layout)
    shown = []
    out = tmp_path / "out"
    done = whole_run(
        root, out, make_enhancer("nlr1", settings), judge, team="T042", progress=lambda share, text: shown.append(share)
    )
    assert done.files["predictions"] == out / "ICASSP2026_valid_T042.csv"
    assert len(list((out / "results" / "nlr1").glob("*.wav"))) == 24
    assert set(done.files) == {"train", "valid", "model", "predictions"}
    listed = json.loads((root / "metadata" / "valid_metadata.json").read_text())
    found = read_predictions(done.files["predictions"])
    assert list(found.percent) == [record["signal"] for record in listed]
    assert done.row is not None and done.row.is_complete
    assert done.fit.figures.n == 12
    assert shown[-1] == pytest.approx(1.0)
    again = whole_run(root, out, make_enhancer("nlr1", settings), judge, team="T042")
    assert again.fit == done.fit


def test_a_split_whose_answers_are_not_known_is_predicted_and_not_compared(make_clips, settings, judge, tmp_path):
    root = make_clips(tmp_path, ("train", "eval"), clips=12)
    path = root / "metadata" / "eval_metadata.json"
    hidden = {"response", "original_response", "correctness", "words_correct"}
    listed = [{k: v for k, v in record.items() if k not in hidden} for record in json.loads(path.read_text())]
    path.write_text(json.dumps(listed))
    done = whole_run(root, tmp_path, make_enhancer("none", settings), judge, split="eval")
    assert done.row is None
    assert len(read_predictions(done.files["predictions"]).percent) == 12


def test_a_clip_that_cannot_be_processed_stops_the_run_with_its_name_and_keeps_what_is_done(
    make_clips, settings, judge, tmp_path
):
    root = make_clips(tmp_path, ("train", "valid"), clips=6)
    lost = next(iter(sorted((root / "valid" / "signals").iterdir())))
    lost.rename(tmp_path / "lost.flac")
    with pytest.raises(
        CadenzaError, match=rf"1 of 6 clips of valid could not be processed, first {lost.stem}: .*no file"
    ):
        whole_run(root, tmp_path, make_enhancer("none", settings), judge)
    (tmp_path / "lost.flac").rename(lost)
    assert whole_run(root, tmp_path, make_enhancer("none", settings), judge).row is not None


def test_a_training_set_without_answers_or_a_wrong_split_is_said_before_the_work(make_clips, settings, judge, tmp_path):
    root = make_clips(tmp_path, ("train", "valid"))
    with pytest.raises(CadenzaError, match="takes predictions of valid and eval"):
        whole_run(root, tmp_path, make_enhancer("none", settings), judge, split="train")
    path = root / "metadata" / "train_metadata.json"
    listed = [{**record, "correctness": None} for record in json.loads(path.read_text())]
    path.write_text(json.dumps(listed))
    with pytest.raises(CadenzaError, match="6 of 6 records have no correctness"):
        whole_run(root, tmp_path, make_enhancer("none", settings), judge)
    assert not (tmp_path / "results").exists()
