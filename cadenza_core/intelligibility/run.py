"""The guide's whole run: enhance, recognise, calibrate, predict, compare; each step goes on where it was stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CadenzaError
from ..progress import Progress, part, silent
from .calibration import LogisticFit, fit_logistic
from .clips import Clip, find_clips
from .compare import Row, score
from .enhance import Enhancer, enhance_clips
from .judge import RecogniserJudge, StoiJudge, judge_clips
from .models import Model, save_model
from .predictions import prediction_name, read_predictions, write_predictions
from .regression import truth_of
from .scores import read_scores, values_for

__all__ = ["WholeRun", "fit_baseline", "whole_run"]


@dataclass(frozen=True)
class WholeRun:
    """What a whole run has made.

    Parameters
    ----------
    files : mapping of str to Path
        Score files of both splits, model, predictions.
    fit : LogisticFit
        The calibration, on the training set.
    row : Row, optional
        Figures of the predictions, where the answers are there.
    notes : tuple of str
    """

    files: Mapping[str, Path]
    fit: LogisticFit
    row: Row | None
    notes: tuple[str, ...] = field(default=())


def fit_baseline(
    clips: Sequence[Clip], scores: Mapping[str, Mapping[str, float]], name: str
) -> tuple[Model, LogisticFit]:
    """Calibrate one score on a split.

    Raises
    ------
    CadenzaError
        If clips lack correctness or scores, or there are too few.
    """
    fit = fit_logistic(values_for(clips, scores[name], name), truth_of(clips) / 100.0)
    return Model(fit.curve, name, {"clips": len(clips), "figures": fit.figures.as_dict()}), fit


def whole_run(
    root: Path,
    out: Path,
    enhancer: Enhancer,
    judge: RecogniserJudge | StoiJudge,
    *,
    split: str = "valid",
    team: str = "T001",
    progress: Progress = silent,
) -> WholeRun:
    """Enhance and score the training set and `split`, calibrate on the first, predict the second.

    Parameters
    ----------
    root : Path
        The data set's folder.
    out : Path
        ``results/<model>/``, ``scores/``, the model and the prediction file are made in it.
    enhancer : Enhancer
    judge : RecogniserJudge or StoiJudge
    split : {"valid", "eval"}
    team : str
        Team id in the prediction file's name.
    progress : Progress
        May raise Cancelled.

    Raises
    ------
    CadenzaError
        If the data set is not there, a clip cannot be processed, or nothing can be fitted or written.
    """
    target = out / prediction_name(split, team)
    judge.check()
    folders = {name: find_clips(root, name) for name in ("train", split)}
    truth_of(folders["train"].clips)
    notes: list[str] = []
    paths: dict[str, Path] = {}
    names: set[str] = set()
    total = sum(map(len, folders.values()))
    before = 0.0
    for name, folder in folders.items():
        share = len(folder) / total
        middle = before + 0.3 * share
        enhanced = enhance_clips(folder, enhancer, out / "results", progress=part(progress, before, middle))
        paths[name] = out / "scores" / f"{name}.{judge.name}.{enhancer.name}.jsonl"
        judged = judge_clips(
            folder, judge, paths[name], enhanced=enhanced.folder, progress=part(progress, middle, before + share)
        )
        before += share
        names.add(judged.score)
        notes += [f"{name}: {note}" for note in enhanced.notes]
        faults = {**judged.faults, **enhanced.faults}
        if faults:
            signal, fault = next(iter(faults.items()))
            raise CadenzaError(
                f"{len(faults)} of {len(folder)} clips of {name} could not be processed, first {signal}: {fault} "
                "What is done is kept; mend these and run it again."
            )
    (score_name,) = names
    model, fit = fit_baseline(folders["train"].clips, read_scores([paths["train"]]), score_name)
    paths["model"] = out / f"model.{score_name}.json"
    save_model(paths["model"], model)
    clips = folders[split].clips
    write_predictions(
        target, [clip.signal for clip in clips], model.predict(clips, read_scores([paths[split]])).tolist()
    )
    paths["predictions"] = target
    known = all(clip.correctness is not None for clip in clips)
    return WholeRun(paths, fit, score(read_predictions(target, "percent"), clips) if known else None, tuple(notes))
