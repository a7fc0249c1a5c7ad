"""``cadenza lyrics``: lyric intelligibility as in Cadenza CLIP1, from clips to a compared prediction."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from ..intelligibility.calibration import LogisticFit
from ..intelligibility.clips import check_clips, find_clips, read_metadata
from ..intelligibility.compare import Comparison, Published, Row, compare_files, published
from ..intelligibility.enhance import ENHANCERS, enhance_clips, make_enhancer
from ..intelligibility.judge import RecogniserJudge, StoiJudge, judge_clips
from ..intelligibility.models import Model, load_model, save_model
from ..intelligibility.predictions import write_predictions
from ..intelligibility.recognisers import get_recogniser, recognisers
from ..intelligibility.regression import compare_by_folds, fit_ridge
from ..intelligibility.run import fit_baseline, whole_run
from ..intelligibility.scores import pick_score, read_scores
from ..intelligibility.words import Rules
from ..remix import Gains
from ..separation import get_system
from ..settings import Settings
from .console import JsonOption, guarded, notes, out, progress, settings_of, table
from .root import app

__all__: list[str] = []

lyrics_app = typer.Typer(help="Lyric intelligibility (Cadenza CLIP1): enhance, recognise, calibrate, predict, compare.")
app.add_typer(lyrics_app, name="lyrics", no_args_is_help=True)

DataOption = Annotated[Path, typer.Option("--data", help="The folder cadenza_data, or the one above it.")]
SplitOption = Annotated[str, typer.Option(help="train, valid or eval.")]
ModelOption = Annotated[str, typer.Option("--model", help=f"Enhancer: {', '.join(ENHANCERS)}.")]
SystemOption = Annotated[str, typer.Option(help="Separation system that finds the vocals (`cadenza models`).")]
GainOption = Annotated[list[str] | None, typer.Option(help="STEM=DB, such as vocals=3; repeatable.")]
NameOption = Annotated[str, typer.Option(help="Name of the results' folder, instead of the model's.")]
SourceOption = Annotated[str, typer.Option(help="signals (what was heard) or unprocessed (without hearing loss).")]
RecogniserOption = Annotated[
    str, typer.Option(help="pocketsphinx, whisper-base.en or another size, or stoi (no words: STOI with the vocals).")
]
RulesOption = Annotated[
    Rules, typer.Option(help="Normalisation: the written rules, or the released script to the letter.")
]
MetadataOption = Annotated[Path, typer.Option(help="Metadata of the split, such as train_metadata.json.")]
ScoresOption = Annotated[list[Path], typer.Option(help="Score file (.jsonl); repeatable.")]


@lyrics_app.command()
def check(data: DataOption, split: SplitOption = "train", json_output: JsonOption = False) -> None:
    """Check a split of the data set and name every fault; exit status 0 only if there is none."""
    with guarded(json_output=json_output):
        folder = find_clips(data, split)
        with progress(f"Checking {split}") as show:
            faults = check_clips(folder, show)
        rows = [{"where": fault.where, "code": fault.code, "message": fault.message} for fault in faults]

        def print_faults(console: Any) -> None:
            for fault in faults:
                console.print(f"{fault.where}: {fault.message} ({fault.code})", soft_wrap=True, markup=False)
            console.print(f"{len(folder)} clips in {folder.folder}, {len(faults)} faults", soft_wrap=True)

        out(json_output, {"folder": str(folder.folder), "clips": len(folder), "faults": rows}, print_faults)
        if faults:
            raise typer.Exit(1)


@lyrics_app.command()
def enhance(
    context: typer.Context,
    data: DataOption,
    split: SplitOption = "valid",
    model: ModelOption = "nlr1",
    system: SystemOption = "preview",
    gain: GainOption = None,
    source: SourceOption = "signals",
    name: NameOption = "",
    to: Annotated[Path, typer.Option("--out", help="Folder; <model>/<signal>.wav are made in it.")] = Path("results"),
    json_output: JsonOption = False,
) -> None:
    """Enhance the clips of a split for their degrees of hearing loss; a stopped run goes on where it was."""
    with guarded(json_output=json_output):
        gains = Gains.parse(gain) if gain else None
        enhancer = make_enhancer(model, settings_of(context), system=system, gains=gains, name=name)
        folder = find_clips(data, split)
        with progress(f"Enhancing {split}") as show:
            done = enhance_clips(folder, enhancer, to, source=source, progress=show)
        record = {"folder": str(done.folder), "made": done.made, "kept": done.kept, "faults": dict(done.faults)}
        text = f"{done.made} clips enhanced, {done.kept} were there: {done.folder}"
        out(json_output, record, lambda console: console.print(text, soft_wrap=True))
        notes(done.notes)
        _faults(done.faults)


@lyrics_app.command()
def recognise(
    context: typer.Context,
    data: DataOption,
    split: SplitOption = "valid",
    recogniser: RecogniserOption = "pocketsphinx",
    enhanced: Annotated[Path | None, typer.Option(help="Folder of enhanced clips to take, results/<model>.")] = None,
    source: SourceOption = "signals",
    system: SystemOption = "preview",
    rules: RulesOption = Rules.WRITTEN,
    to: Annotated[Path, typer.Option("--out", help="Score file (.jsonl) to write or to go on with.")] = Path(
        "scores.jsonl"
    ),
    json_output: JsonOption = False,
) -> None:
    """Count the words of each clip that a recogniser gets with the better ear; transcripts are kept."""
    with guarded(json_output=json_output):
        judge = _judge(recogniser, system, rules, settings_of(context))
        folder = find_clips(data, split)
        with progress(f"Recognising {split}") as show:
            done = judge_clips(folder, judge, to, source=source, enhanced=enhanced, progress=show)
        record: dict[str, Any] = {"scores": str(done.path), "score": done.score, "made": done.made, "kept": done.kept}
        record["faults"] = dict(done.faults)
        text = f"{done.made} clips scored, {done.kept} were there: {done.path} ({done.score})"
        out(json_output, record, lambda console: console.print(text, soft_wrap=True))
        _faults(done.faults)


def _judge(name: str, system: str, rules: Rules, settings: Settings) -> RecogniserJudge | StoiJudge:
    if name == "stoi":
        return StoiJudge(get_system(system, settings))
    return RecogniserJudge(get_recogniser(name, settings), rules)


def _faults(faults: Any) -> None:
    """Name the clips that could not be done, and end with status 1 if there are any."""
    notes([f"{signal}: {fault}" for signal, fault in faults.items()])
    if faults:
        raise typer.Exit(1)


@lyrics_app.command()
def weights(
    context: typer.Context,
    recogniser: Annotated[
        str, typer.Argument(help="whisper-base.en or another size; without it, all are listed.")
    ] = "",
    json_output: JsonOption = False,
) -> None:
    """Download the weights of a size of Whisper; without a name, list the recognisers and whether they are ready."""
    from ..intelligibility.whisper import fetch_whisper

    with guarded(json_output=json_output):
        settings = settings_of(context)
        if recogniser:
            with progress(f"Getting {recogniser}") as show:
                folder = fetch_whisper(recogniser.removeprefix("whisper-"), settings, show)
            out(
                json_output,
                {"recogniser": recogniser, "folder": str(folder)},
                lambda console: console.print(str(folder)),
            )
            return
        rows = []
        for name in recognisers():
            reason = get_recogniser(name, settings).unavailable_reason()
            rows.append({"recogniser": name, "ready": reason is None, "reason": reason})
        listing = table("recogniser", "ready")
        for row in rows:
            listing.add_row(str(row["recogniser"]), "yes" if row["ready"] else "no")
        out(json_output, rows, lambda console: console.print(listing))


@lyrics_app.command()
def fit(
    metadata: MetadataOption,
    scores: ScoresOption,
    to: Annotated[Path, typer.Option("--out", help="Model file (.json) to write.")],
    kind: Annotated[
        Literal["logistic", "ridge"],
        typer.Option(
            help="logistic: the baseline, one score calibrated; ridge: all scores, lyric, hearing loss, song."
        ),
    ] = "logistic",
    score: Annotated[str | None, typer.Option(help="The score to calibrate, where the files hold several.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Fit a predictor to what listeners understood."""
    with guarded(json_output=json_output):
        clips, known = read_metadata(metadata), read_scores(scores)
        listing = table("", ">")
        if kind == "logistic":
            model, done = fit_baseline(clips, known, pick_score(known, score))
            record = _fit_record(model, done)
            for name, value in _flat(record):
                listing.add_row(name, value)
        else:
            baseline = score or max(known, key=lambda name: name.startswith("whisper"))
            with progress("Cross-validating") as show:
                held_out = compare_by_folds(clips, known, pick_score(known, baseline), progress=show)
            low, high = held_out.interval
            about = {
                "clips": len(clips),
                "cross_validation": {
                    "folds": held_out.folds,
                    "songs": held_out.songs,
                    "model": held_out.model.as_dict(),
                    "baseline": {"score": held_out.baseline_score, **held_out.baseline.as_dict()},
                    "gain_rmse": held_out.gain,
                    "gain_interval_95": [low, high],
                },
            }
            model = Model(fit_ridge(clips, known), about=about)
            record = {"kind": "ridge", **about}
            listing.add_row("RMSE, held-out songs", f"{held_out.model.rmse:.3f} ± {held_out.model.rmse_error:.3f}")
            listing.add_row(f"the same for {held_out.baseline_score} calibrated", f"{held_out.baseline.rmse:.3f}")
            listing.add_row("gain, with its 95 % interval", f"{held_out.gain:.3f} ({low:.3f} to {high:.3f})")
        save_model(to, model)
        out(json_output, {"model": str(to), **record}, lambda console: console.print(listing))


def _fit_record(model: Model, done: LogisticFit) -> dict[str, Any]:
    record = {"kind": model.kind, "score": model.score, "x0": done.curve.midpoint, "k": done.curve.slope}
    return {**record, "x0_error": done.midpoint_error, "k_error": done.slope_error, "train": done.figures.as_dict()}


def _flat(record: dict[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in record.items():
        if isinstance(value, dict):
            rows += [(f"{name} {inner}", text) for inner, text in _flat(value)]
        else:
            rows.append((name, f"{value:.4f}" if isinstance(value, float) else str(value)))
    return rows


@lyrics_app.command()
def predict(
    model: Annotated[Path, typer.Option(help="Model file, as `cadenza lyrics fit` writes it.")],
    metadata: MetadataOption,
    scores: ScoresOption,
    csv: Annotated[Path, typer.Option(help="Prediction file to write, such as ICASSP2026_valid_T001.csv.")],
    json_output: JsonOption = False,
) -> None:
    """Predict what listeners understand of a split, as the challenge's CSV."""
    with guarded(json_output=json_output):
        (fitted, remarks), clips = load_model(model), read_metadata(metadata)
        percent = fitted.predict(clips, read_scores(scores))
        write_predictions(csv, [clip.signal for clip in clips], percent.tolist())
        record = {"csv": str(csv), "signals": len(clips), "mean": float(percent.mean())}
        text = f"{len(clips)} predictions, {percent.mean():.1f} % on average: {csv}"
        out(json_output, record, lambda console: console.print(text, soft_wrap=True))
        notes(remarks)


@lyrics_app.command()
def compare(
    truth: Annotated[Path, typer.Option(help="Metadata with the listeners' correctness.")],
    csv: Annotated[list[Path], typer.Argument(help="Prediction files.")],
    scale: Annotated[
        Literal["auto", "fraction", "percent"], typer.Option(help="0..1, 0..100, or told from the numbers.")
    ] = "auto",
    beside: Annotated[
        Literal["valid", "eval"] | None,
        typer.Option("--published", help="Put the published results of a split beside."),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Compare prediction files with the truth: RMSE, NCC, Kendall's tau, by hearing loss; status 1 if one has a fault."""
    with guarded(json_output=json_output):
        clips = read_metadata(truth)
        with progress("Comparing") as show:
            done = compare_files(clips, csv, scale=scale, progress=show)
        source, others = published() if beside else ("", ())
        record: dict[str, Any] = {"predictions": [_row_record(row) for row in done.rows], "faults": dict(done.faults)}
        if beside:
            rows = [{"system": one.system, "rmse": one.rmse(beside), "eval_ncc": one.eval_ncc} for one in others]
            record["published"] = {"source": source, "split": beside, "rows": rows}
        out(json_output, record, lambda console: console.print(_listing(done, others, beside)))
        notes([f"{row.name}: {note}" for row in done.rows for note in row.notes])
        notes([f"published: {source}"] if beside else [])
        _faults(done.faults)


def _row_record(row: Row) -> dict[str, Any]:
    record = {"name": row.name, "scale": row.predictions.scale, **row.overall.as_dict()}
    record |= {"by_severity": {name: one.as_dict() for name, one in row.by_severity.items()}}
    return {**record, "missing": row.missing, "unknown": row.unknown, "notes": list(row.notes)}


def _listing(done: Comparison, others: tuple[Published, ...], beside: Literal["valid", "eval"] | None) -> Any:
    severities = list(dict.fromkeys(name for row in done.rows for name in row.by_severity))
    listing = table("predictions", "RMSE>", "±>", "NCC>", "tau>", *(f"{name}>" for name in severities), "signals>")
    ranked: list[tuple[float, list[str]]] = []
    for row in done.rows:
        all_of, parts = row.overall, row.by_severity
        cells = [
            escape(row.name),
            f"{all_of.rmse:.3f}",
            f"{all_of.rmse_error:.3f}",
            f"{all_of.ncc:.4f}",
            f"{all_of.kt:.4f}",
        ]
        cells += [f"{parts[name].rmse:.2f}" if name in parts else "" for name in severities]
        ranked.append((all_of.rmse, [*cells, f"{all_of.n}{'' if row.is_complete else ' (!)'}"]))
    for one in others if beside else ():
        ncc = f"{one.eval_ncc:.2f}" if beside == "eval" else ""
        ranked.append(
            (
                one.rmse(beside or "valid"),
                [f"[dim]published: {escape(one.system)}[/]", f"{one.rmse(beside or 'valid'):.2f}", "", ncc],
            )
        )
    for _, cells in sorted(ranked, key=lambda entry: entry[0]):
        listing.add_row(*cells)
    return listing


@lyrics_app.command()
def run(
    context: typer.Context,
    data: DataOption,
    to: Annotated[Path, typer.Option("--out", help="Folder for results, scores, model and predictions.")],
    split: Annotated[str, typer.Option(help="valid or eval: what is predicted.")] = "valid",
    model: ModelOption = "nlr1",
    system: SystemOption = "preview",
    gain: GainOption = None,
    name: NameOption = "",
    recogniser: RecogniserOption = "pocketsphinx",
    rules: RulesOption = Rules.WRITTEN,
    team: Annotated[str, typer.Option(help="Team id in the prediction file's name.")] = "T001",
    json_output: JsonOption = False,
) -> None:
    """Do the guide's whole run: enhance and recognise train and another split, calibrate, predict, compare."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        enhancer = make_enhancer(model, settings, system=system, gains=Gains.parse(gain) if gain else None, name=name)
        judge = _judge(recogniser, system, rules, settings)
        with progress("Lyric intelligibility") as show:
            done = whole_run(data, to, enhancer, judge, split=split, team=team, progress=show)
        record: dict[str, Any] = {"files": {name: str(path) for name, path in done.files.items()}}
        record["fit"] = {"x0": done.fit.curve.midpoint, "k": done.fit.curve.slope, **done.fit.figures.as_dict()}
        record["figures"] = _row_record(done.row) if done.row else None

        def show_run(console: Any) -> None:
            for what, path in done.files.items():
                console.print(f"{what}: {path}", soft_wrap=True)
            console.print(f"calibration: x0 {done.fit.curve.midpoint:.4f}, k {done.fit.curve.slope:.4f}")
            if done.row:
                console.print(_listing(Comparison((done.row,), {}), (), None))

        out(json_output, record, show_run)
        notes(
            [*done.notes, *([] if done.row else [f"the answers of {split} are not published: nothing to compare with"])]
        )
