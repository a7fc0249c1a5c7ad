"""``cadenza lass evaluate``, ``results``, ``submit`` and ``validate``: DCASE 2024 task 9."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__
from ..errors import CadenzaError
from ..files import atomic_file, parse_yaml
from ..progress import part
from ..quality.lass_evaluation import MEASURES, Evaluation, evaluate, other_query, write_row_scores
from ..separation.lass.mixtures import read_mixtures, read_queries
from ..separation.lass.models import LassModel
from ..settings import Settings
from ..submission.lass_validate import validate_lass
from ..submission.lass_write import LassSystem, pack_lass, write_lass_system
from .console import JsonOption, guarded, notes, out, progress, settings_of, table
from .lass import ModelOption, chosen_model, lass_app

__all__: list[str] = []

SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="NAME=CSV:FOLDER, with NAME synth or real; repeatable.")
]


@lass_app.command(name="evaluate")
def evaluate_command(
    context: typer.Context,
    csv: Annotated[Path, typer.Option(help="source,noise,snr,query.")],
    clips: Annotated[Path, typer.Option(help="Folder of the clips.")],
    to: Annotated[Path, typer.Option("--out", help="Folder for the results; a stopped run goes on from it.")],
    model: ModelOption = None,
    wrong: Annotated[
        bool, typer.Option("--wrong-query", help="Ask for a third sound each time: what it must not give.")
    ] = False,
    evaluation_set: Annotated[
        str,
        typer.Option("--set", help="Also store the scores for the leaderboard, such as lass-dcase-2024-validation."),
    ] = "",
    system: Annotated[str, typer.Option(help="The system's name there; the model's by default.")] = "",
    json_output: JsonOption = False,
) -> None:
    """Measure SDR, SDRi and SI-SDR on an official CSV; per query, per SNR, beside the published rows."""
    with guarded(json_output=json_output):
        from ..separation.lass.loading import load_model

        settings = settings_of(context)
        if evaluation_set and wrong:
            raise CadenzaError("Scores of wrong queries are no scores of a system: take --set or --wrong-query.")
        chosen = chosen_model(context, model)
        rows = read_mixtures(csv, clips)
        name = f"{chosen.id}{'.wrong' if wrong else ''}"
        with progress(f"Evaluating {chosen.id}") as show:
            loaded = load_model(chosen, settings, part(show, 0.0, 0.05))
            options: dict[str, Any] = {"asked": other_query(rows)} if wrong else {}
            made = evaluate(
                loaded, rows, clips, to / f"{name}.jsonl", chosen.fingerprint(settings),
                progress=part(show, 0.05, 1.0), **options,
            )  # fmt: skip
        write_row_scores(to / f"{name}.csv", made)
        data = _summary(made, chosen.id, csv, wrong)
        with atomic_file(to / f"{name}.json") as temporary:
            temporary.write_text(json.dumps(data, indent=1), encoding="utf-8")

        def show_tables(console: Any) -> None:
            for listing in _tables(made, chosen.title, csv.stem, wrong):
                console.print(listing)
                console.print()

        out(json_output, data, show_tables)
        notes([f"every line's scores are in {to / f'{name}.csv'}"])
        if evaluation_set:
            notes(_stored(settings, made, evaluation_set, system or chosen.id, chosen, csv))


def _stored(
    settings: Settings, made: Evaluation, evaluation_set: str, system: str, model: LassModel, csv: Path
) -> list[str]:
    """Store the scores in the database, and say so."""
    from ..store import Origin, ScoredSystem, Store, lass_frame

    about = {"model": model.id, "weights": model.fingerprint(settings)}
    origin = Origin("evaluation", csv.name, "cadenza-lass", __version__, about)
    with Store.open(settings) as store:
        facts = ScoredSystem(system, separation=model.id, allowed_data=model.trained_on)
        report = store.add_scores(lass_frame(made), evaluation_set=evaluation_set, system=facts, origin=origin)
    return [f"{report.text} `cadenza leaderboard --set {evaluation_set}` ranks them.", *report.notes]


def _summary(made: Evaluation, model: str, csv: Path, wrong: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "model": model,
        "csv": str(csv),
        "wrong_query": wrong,
        "lines": len(made.rows),
        **made.means(),
    }
    data["per_snr"] = [{"snr": snr, **values} for snr, values in made.per_snr().items()]
    data["per_query"] = [{"query": query, **values} for query, values in made.per_query().items()]
    return data


def _tables(made: Evaluation, title: str, csv: str, wrong: bool) -> list[Any]:
    asked = "a wrong query" if wrong else "the query"
    whole = table("system", "set", *(f"{name} (dB)>" for name in MEASURES.values()), title=f"Asked for {asked}")
    whole.add_row(title, csv, *(_decibels(value) for value in made.means().values()))
    _add_published(whole)
    snr = table("SNR (dB)", "lines>", *(f"{name}>" for name in MEASURES.values()))
    for level, values in made.per_snr().items():
        snr.add_row(f"{level:g}", f"{values['count']:.0f}", *(_decibels(values[name]) for name in MEASURES))
    query = table("query, the worst first", "lines>", *(f"{name}>" for name in MEASURES.values()))
    for text, values in list(made.per_query().items())[:20]:
        query.add_row(text[:60], f"{values['count']:.0f}", *(_decibels(values[name]) for name in MEASURES))
    return [whole, snr, query]


def _published() -> Iterator[dict[str, Any]]:
    """Give the published rows: system, set, measures (None: not published), source."""
    from ..store.published import published_results, set_title

    found = published_results()
    found = found[found["evaluation_set"].str.startswith("lass-")]
    for (name, system), rows in found.groupby(["evaluation_set", "system"], sort=False):
        values = dict(zip(rows["measure"], rows["value"], strict=True))
        measures = {measure: values.get(measure) for measure in (*MEASURES, "rel_ovl")}
        yield {"system": system, "set": name, "title": set_title(name), **measures, "source": rows["source"].iloc[0]}


def _add_published(listing: Any) -> None:
    for row in _published():
        listing.add_row(f"{row['system']} (published)", row["set"], *(_decibels(row[name]) for name in MEASURES))


def _decibels(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


@lass_app.command()
def results(context: typer.Context, json_output: JsonOption = False) -> None:
    """List the published results, with their sets and sources; figures of different sets cannot be compared."""
    with guarded(json_output=json_output):
        rows = list(_published())
        listing = table("system", "set", *(f"{name} (dB)>" for name in MEASURES.values()), "REL and OVL>", "source")
        for row in rows:
            values = (_decibels(row[name]) for name in (*MEASURES, "rel_ovl"))
            listing.add_row(row["system"], row["title"], *values, row["source"])
        out(json_output, rows, lambda console: console.print(listing))


@lass_app.command()
def submit(
    context: typer.Context,
    author: Annotated[str, typer.Option(help="Last name of the corresponding author.")],
    institute: Annotated[str, typer.Option(help="Abbreviation of the institute.")],
    to: Annotated[Path, typer.Option("--out", help="Folder; <author>_<institute>/ is made in it.")],
    sets: SetOption = None,
    number: Annotated[int, typer.Option(help="Number of the system, 1 to 4.")] = 1,
    model: ModelOption = None,
    link: Annotated[str, typer.Option(help="Where the archives will be found (Google Drive).")] = "",
    meta: Annotated[Path | None, typer.Option(help="YAML with further fields: name, authors, results.")] = None,
    report: Annotated[Path | None, typer.Option(help="The technical report (PDF).")] = None,
    zipped: Annotated[bool, typer.Option("--zip", help="Also pack the submission, without the audio.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Separate the evaluation sets and write a system's part of a DCASE 2024 task 9 submission."""
    with guarded(json_output=json_output):
        from ..separation.lass.loading import load_model

        settings = settings_of(context)
        chosen = chosen_model(context, model)
        system = LassSystem(author, institute, number, link, _read_meta(meta))
        wanted = {name: (read_queries(csv, folder), folder) for name, (csv, folder) in _sets(sets).items()}
        if not wanted:
            raise CadenzaError("Say which sets: --set synth=lass_synthetic_evaluation.csv:FOLDER --set real=...")
        with progress(f"Submitting {system.label}") as show:
            loaded = load_model(chosen, settings, part(show, 0.0, 0.05))
            folder = write_lass_system(system, loaded, wanted, to, report=report, progress=part(show, 0.05, 1.0))
        archive = pack_lass(folder, to) if zipped else None
        checked = validate_lass(folder, sets={name: rows for name, (rows, _) in wanted.items()})
        data: dict[str, object] = {"folder": str(folder), "zip": str(archive) if archive else None, "ok": checked.ok}
        data["faults"] = [str(fault) for fault in checked.faults]
        out(
            json_output,
            data,
            lambda console: console.print(f"{folder}: {len(checked.errors)} faults left", soft_wrap=True),
        )
        notes([str(fault) for fault in checked.faults])


@lass_app.command(name="validate")
def validate_command(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The folder <author>_<institute>.")],
    sets: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Check a task 9 submission and name every fault; exit status 0 only if there is no error."""
    with guarded(json_output=json_output):
        wanted = {name: read_queries(csv, folder) for name, (csv, folder) in _sets(sets).items()}
        with progress(f"Validating {path.name}") as show:
            checked = validate_lass(path, sets=wanted, progress=show)
        faults = [
            {"path": f.path, "code": f.code, "severity": f.severity, "message": f.message} for f in checked.faults
        ]
        data = {"ok": checked.ok, "systems": checked.pairs, "files": checked.files, "faults": faults}

        def show_faults(console: Any) -> None:
            for fault in checked.faults:
                console.print(
                    f"{fault.severity}: {fault.path}: {fault.message} ({fault.code})", soft_wrap=True, markup=False
                )
            warnings = len(checked.faults) - len(checked.errors)
            console.print(
                f"{checked.pairs} systems, {checked.files} outputs, {len(checked.errors)} errors, {warnings} warnings"
            )

        out(json_output, data, show_faults)
        if not checked.ok:
            raise typer.Exit(1)


def _sets(texts: list[str] | None) -> dict[str, tuple[Path, Path]]:
    sets = {}
    for text in texts or []:
        name, equals, places = text.partition("=")
        csv, colon, folder = places.rpartition(":")
        if name not in ("synth", "real") or not equals or not colon or not csv or not folder:
            raise CadenzaError(f"The set {text!r} is not of the form NAME=CSV:FOLDER, with NAME synth or real.")
        sets[name] = (Path(csv), Path(folder))
    return sets


def _read_meta(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CadenzaError(f"{path} cannot be read as YAML: {error}.") from error
    if not isinstance(content, dict):
        raise CadenzaError(f"{path} holds no fields: 'submission: ...', 'system: ...', 'results: ...' are accepted.")
    return content
