"""``cadenza scores``, ``leaderboard`` and ``analyse``: the stored scores, from a shell."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import CadenzaError
from .console import JsonOption, guarded, notes, out, progress, settings_of, table
from .root import app

if TYPE_CHECKING:
    import pandas as pd

    from ..analysis import Filter, ScoreTable
    from ..store import ImportReport, Store

__all__ = ["print_frame", "write_files"]

#: Rows of a long table that a terminal shows; a file has all.
_SHOWN = 60
#: Columns that a terminal shows.
_WIDEST = 30

_VIEWS = "stem, severity, average, song, listener, heatmap, sdr, difference, outliers, help or significance."
SetOption = Annotated[str, typer.Option("--set", help="Evaluation set, such as cad1-evaluation.")]
OutOption = Annotated[
    list[Path] | None,
    typer.Option("--out", help="Write it to a file: .csv, .parquet, .tex, .json, .png, .svg, .html; repeatable."),
]
TargetOption = Annotated[str, typer.Option(help="Scores of the stems or of the remix; the set's own by default.")]
Names = list[str] | None
SystemFilter = Annotated[Names, typer.Option("--system", help="Only this system; repeatable.")]
SongFilter = Annotated[Names, typer.Option("--song", help="Only this song; repeatable.")]
GenreFilter = Annotated[Names, typer.Option("--genre", help="Only songs of this genre; repeatable.")]
StemFilter = Annotated[Names, typer.Option("--stem", help="Only this stem; repeatable.")]
EarFilter = Annotated[Names, typer.Option("--ear", help="Only this ear, left or right.")]
SeverityFilter = Annotated[Names, typer.Option("--severity", help="Only losses of this severity; repeatable.")]
ListenerFilter = Annotated[Names, typer.Option("--listener", help="Only this listener; repeatable.")]

scores_app = typer.Typer(help="Store, import and export scores.", invoke_without_command=True)
app.add_typer(scores_app, name="scores")


@contextmanager
def _store(context: typer.Context) -> Iterator["Store"]:
    from ..store import Store

    with Store.open(settings_of(context)) as store:
        yield store


@scores_app.callback()
def scores(context: typer.Context, json_output: JsonOption = False) -> None:
    """Show what is stored: the sets, their systems, and how many scores each has."""
    if context.invoked_subcommand:
        return
    with guarded(json_output=json_output), _store(context) as store:
        from ..store.overview import overview

        frame = overview(store)
        print_frame(
            frame, json_output, extra={"database": store.place, "read_only": store.is_read_only}, name="systems"
        )
        if not json_output:
            notes([f"the database is {store.place}{' (read-only)' if store.is_read_only else ''}"])
            if not len(frame):
                notes(["no scores yet: `cadenza scores import scores.csv --set cad1-validation --system NAME`"])


@scores_app.command(name="import")
def import_command(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Score tables, folders of submissions, or result files (JSON).")],
    evaluation_set: SetOption = "",
    system: Annotated[str, typer.Option(help="Whose scores these are; folders name their own.")] = "",
    team: Annotated[str, typer.Option(help="The system's team.")] = "",
    description: Annotated[str, typer.Option(help="What it does.")] = "",
    separation: Annotated[str, typer.Option(help="Its separation.")] = "",
    prescription: Annotated[str, typer.Option(help="Its amplification.")] = "",
    allowed_data: Annotated[str, typer.Option(help="closed, open, oracle, or a sentence.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace stored values that differ.")] = False,
    source: Annotated[str, typer.Option(help="Where a result file (JSON) is from.")] = "",
    date: Annotated[str, typer.Option(help="When a result file was published.")] = "",
    json_output: JsonOption = False,
) -> None:
    """Import scores.csv (CAD1, ICASSP 2024, ours), folders of submissions with their records, or published results.

    What is there already stays; a score that is there with another value is shown as a conflict (exit status 1).
    """
    with guarded(json_output=json_output), _store(context) as store:
        from ..catalog import all_listeners, library, listener_files
        from ..store import ImportReport, ScoredSystem
        from ..store.importing import import_scores
        from ..store.published import import_results

        if missing := [path for path in paths if not path.exists()]:
            raise CadenzaError(f"There is no file or folder {missing[0]}.")
        results = [path for path in paths if path.suffix.lower() == ".json"]
        tables = [path for path in paths if path not in results]
        report = ImportReport()
        if results and not evaluation_set:
            raise CadenzaError("Say of which set the published results are, with --set.")
        for path in results:
            made = import_results(store, path, evaluation_set, source=source, published=date)
            report = made if path is results[0] and not tables else report.joined(made)
        if tables:
            settings = settings_of(context)
            about = {
                "team": team,
                "description": description,
                "separation": separation,
                "prescription": prescription,
                "allowed_data": allowed_data,
            }
            with progress("Importing") as show:
                made = import_scores(
                    store,
                    tables,
                    evaluation_set=evaluation_set,
                    system=ScoredSystem(system, **about) if system else None,
                    about=about,
                    listeners=all_listeners(listener_files(settings)).values(),
                    songs=library(settings) if settings.music else (),
                    replace_stored=replace,
                    progress=show,
                )
            report = made.joined(report)
        _report(report, json_output)


@scores_app.command(name="import-presets")
def import_presets_command(context: typer.Context, json_output: JsonOption = False) -> None:
    """Import the presets that the studio keeps as files."""
    with guarded(json_output=json_output), _store(context) as store:
        from ..store.records import import_presets

        _report(import_presets(store, settings_of(context).own / "presets"), json_output)


@scores_app.command(name="export")
def export_command(
    context: typer.Context,
    to: Annotated[Path, typer.Option("--out", help=".csv, .parquet, .tex or .json.")],
    evaluation_set: SetOption = "",
    system: SystemFilter = None,
    json_output: JsonOption = False,
) -> None:
    """Write the stored scores, a row each; the table can be imported again."""
    with guarded(json_output=json_output), _store(context) as store:
        from ..store import SCORE_COLUMNS
        from ..store.exporting import write_table

        if evaluation_set and evaluation_set not in store.evaluation_sets():
            raise CadenzaError(
                f"There are no scores of {evaluation_set!r}: {', '.join(store.evaluation_sets()) or 'none'}."
            )
        frame = store.scores(evaluation_set, **({"system": system} if system else {}))[list(SCORE_COLUMNS)]
        said = write_table(frame, to, digits=17)
        data = {"file": str(to), "scores": len(frame), "notes": list(said)}
        out(json_output, data, lambda console: console.print(f"{len(frame):,} scores in {to}", soft_wrap=True))
        notes(said)


@app.command()
def leaderboard(
    context: typer.Context,
    evaluation_set: SetOption = "",
    system: SystemFilter = None,
    song: SongFilter = None,
    genre: GenreFilter = None,
    stem: StemFilter = None,
    ear: EarFilter = None,
    severity: SeverityFilter = None,
    listener: ListenerFilter = None,
    target: TargetOption = "",
    unit: Annotated[str, typer.Option(help="The interval is over draws of: pair, song or listener.")] = "pair",
    common: Annotated[bool, typer.Option("--common", help="Only pairs that all systems have.")] = False,
    published: Annotated[bool, typer.Option(help="Also the published figures of the set.")] = True,
    to: OutOption = None,
    json_output: JsonOption = False,
) -> None:
    """Rank the systems by the challenge's score, each mean with its 95 % bootstrap interval."""
    with guarded(json_output=json_output), _store(context) as store:
        from ..analysis import Filter
        from ..analysis import leaderboard as rank

        name = _set_name(store, evaluation_set)
        chosen = Filter(*(tuple(each or ()) for each in (system, song, genre, stem, ear, severity, listener)))
        scores = _table(store, name)
        frame = rank(scores, chosen, target=target, unit=unit, common=common, published=published, store=store)
        shown = frame.drop(columns=["source", "paper", "digits", "allowed_data"]).dropna(axis=1, how="all")
        latex = [path for path in to or () if path.suffix.lower() == ".tex"]
        write_files(latex, shown, None)
        write_files([path for path in to or () if path not in latex], frame, lambda: _leaderboard_figure(frame))
        print_frame(shown if not json_output else frame, json_output, extra={"set": name}, name="systems")
        if not json_output:
            notes(_remarks(scores, chosen, target, frame, published))


@app.command()
def analyse(
    context: typer.Context,
    view: Annotated[str, typer.Argument(help=_VIEWS)],
    evaluation_set: SetOption = "",
    of: Annotated[Names, typer.Option("--of", help="The system of a heat map; twice: of a difference.")] = None,
    system: SystemFilter = None,
    song: SongFilter = None,
    genre: GenreFilter = None,
    stem: StemFilter = None,
    ear: EarFilter = None,
    severity: SeverityFilter = None,
    listener: ListenerFilter = None,
    target: TargetOption = "",
    to: OutOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show where the scores come from: one of the analysis page's views, as a table or a file."""
    with guarded(json_output=json_output), _store(context) as store:
        from ..analysis import Filter
        from ..analysis.catalogue import view_named

        wanted = view_named(view)
        name = _set_name(store, evaluation_set)
        chosen = Filter(*(tuple(each or ()) for each in (system, song, genre, stem, ear, severity, listener)))
        frame = wanted.of(_table(store, name), chosen, target=target, systems=tuple(of or ()))
        write_files(to, frame, lambda: wanted.figure(frame, tuple(of or ())))
        plain = frame.reset_index() if frame.index.name else frame
        print_frame(plain, json_output, extra={"set": name, "view": view}, name="rows")


def _leaderboard_figure(frame: "pd.DataFrame") -> Any:
    from ..analysis.figures import leaderboard_figure

    return leaderboard_figure(frame)


def _set_name(store: "Store", asked: str) -> str:
    from ..store.published import published_results

    own = store.evaluation_sets()
    known = list(dict.fromkeys([*own, *published_results(store=store)["evaluation_set"]]))
    if asked:
        if asked not in known:
            raise CadenzaError(f"There is no evaluation set {asked!r}: {', '.join(known)}.")
        return asked
    if len(own) == 1:
        return own[0]
    raise CadenzaError(f"Say which evaluation set, with --set: {', '.join(known)}.")


def _table(store: "Store", name: str) -> "ScoreTable":
    from ..analysis import read_table

    return read_table(store, name)


def _remarks(scores: "ScoreTable", chosen: "Filter", target: str, frame: "pd.DataFrame", published: bool) -> list[str]:
    from ..analysis import common_pairs

    said = []
    both, any_of = common_pairs(scores, chosen, target)
    if both < any_of:
        said.append(f"the systems have {both:,} of {any_of:,} pairs in common; --common compares them on those alone")
    if published and chosen.narrows and frame["published"].any():
        said.append("published figures are of the whole set; with a filter they have no rank")
    return said


def write_files(paths: list[Path] | None, frame: "pd.DataFrame", figure: Any) -> None:
    """Write a view to files: its table, or its figure, which the function `figure` draws when it is needed."""
    from ..analysis.files import FIGURE_SUFFIXES, write_view

    drawn = None
    for path in paths or ():
        if path.suffix.lower() in FIGURE_SUFFIXES and drawn is None:
            drawn = figure()
        said = write_view(path, frame, drawn)
        notes([f"written to {path}", *said])


def _report(report: "ImportReport", json_output: bool) -> None:
    data = {
        **{
            name: getattr(report, name) for name in ("added", "unchanged", "replaced", "conflicts", "empty", "repeated")
        },
        "conflict_rows": report.conflict_rows.to_dict("records"),
        "notes": list(report.notes),
    }

    def show(console: Any) -> None:
        console.print(report.text)
        if len(report.conflict_rows):
            rows = report.conflict_rows.head(20)
            console.print(_listing(rows, "Conflicts: stored, and what was given"))

    out(json_output, data, show)
    notes(report.notes)
    if report.conflicts:
        raise typer.Exit(1)


def print_frame(frame: "pd.DataFrame", json_output: bool, *, extra: dict[str, Any], name: str) -> None:
    """Print a table, or all of it and `extra` as JSON."""
    rows = [{key: _value(value) for key, value in row.items()} for row in frame.to_dict("records")]
    if not json_output and frame.shape[1] > _WIDEST:
        notes([f"{frame.shape[0]} x {frame.shape[1] - 1} values are too many for a terminal; --out FILE writes them"])
        return
    out(json_output, {**extra, name: rows}, lambda console: console.print(_listing(frame)) if len(frame) else None)
    if not json_output and len(frame) > _SHOWN:
        notes([f"{len(frame) - _SHOWN:,} more rows; --out FILE writes all"])


def _listing(frame: "pd.DataFrame", title: str | None = None) -> Any:
    import pandas as pd

    numeric = [pd.api.types.is_numeric_dtype(frame[column]) for column in frame]
    listing = table(
        *(f"{column}>" if number else str(column) for column, number in zip(frame, numeric, strict=True)), title=title
    )
    for row in frame.head(_SHOWN).itertuples(index=False):
        listing.add_row(*(_cell(value) for value in row))
    return listing


def _cell(value: Any) -> str:
    value = _value(value)
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return "" if value != value else f"{value:.4f}"
    return "" if value is None else str(value).replace("[", "\\[")


def _value(value: Any) -> Any:
    import pandas as pd

    if value is pd.NA:
        return None
    return value.item() if hasattr(value, "item") else value
