"""``cadenza panel analyse`` and ``preselect``: what a listening test says, from the database or from a table of answers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import CadenzaError
from ..settings import Settings
from .console import JsonOption, guarded, notes, settings_of
from .panel import panel_app
from .scores import OutOption, TargetOption, print_frame, write_files

if TYPE_CHECKING:
    from ..analysis import ScoreTable
    from ..listening.analysis import Answers, Beside
    from ..store import Store

__all__: list[str] = []

_VIEWS = (
    "ranking, systems, comparisons, spread, excerpts, participants, haaqi, agreement, screening; preferences, strengths; abx. "
    "The first that the test has by default."
)
AnswersOption = Annotated[
    Path | None, typer.Option("--answers", help="Take the answers of this CSV, as `cadenza panel export` writes it.")
]
SetOption = Annotated[str, typer.Option("--set", help="Evaluation set whose scores stand beside the ratings.")]


@panel_app.command()
def analyse(
    context: typer.Context,
    test: Annotated[
        str, typer.Argument(help="Name of the test; with --answers, needed where the file has several.")
    ] = "",
    view: Annotated[str, typer.Option(help=_VIEWS)] = "",
    answers: AnswersOption = None,
    scale: Annotated[str, typer.Option(help="Scale, such as clarity; the test's first by default.")] = "",
    screened: Annotated[bool, typer.Option("--screened", help="Post-screening of BS.1534-3 (MUSHRA).")] = False,
    over: Annotated[
        str, typer.Option(help="Intervals of means over: participants, or both (and excerpts).")
    ] = "participants",
    statistic: Annotated[str, typer.Option("--paired-test", help="wilcoxon or t.")] = "wilcoxon",
    against: Annotated[str, typer.Option(help="Compare with this condition only.")] = "",
    anchors: Annotated[bool, typer.Option("--anchors", help="Compare reference and anchors too.")] = False,
    points: Annotated[str, typer.Option(help="Correlate with HAAQI: stimulus, song or system.")] = "stimulus",
    unit: Annotated[str, typer.Option(help="What counts once in a preference: answers or participants.")] = "answers",
    interval: Annotated[str, typer.Option(help="Of proportions: wilson or clopper-pearson.")] = "wilson",
    evaluation_set: SetOption = "",
    target: TargetOption = "",
    which: Annotated[str, typer.Option("--table", help="A further table of the view, such as points of haaqi.")] = "",
    to: OutOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show one view of a test's answers: means, comparisons, agreement, ranking; as a table or a file."""
    with guarded(json_output=json_output):
        from ..listening.analysis import Choice, view_named, views_for

        choice = Choice(scale, screened, over, statistic, against, anchors, points, unit, interval)
        settings = settings_of(context)
        found = _answers(settings, test, answers)
        wanted = view_named(view) if view else views_for(found)[0]
        beside = _beside(settings, wanted.name, evaluation_set, target, is_stored=answers is None)
        shown = wanted.of(found, choice, beside)
        if which and which not in shown.further:
            raise CadenzaError(
                f"This view has no table {which!r}; it has {', '.join(shown.further) or 'one table only'}."
            )
        frame = shown.further[which] if which else shown.frame
        write_files(to, frame, lambda: wanted.figure(shown))
        said = {"about": shown.about, "notes": [*found.notes, *shown.notes]}
        print_frame(frame, json_output, extra={"test": found.test, "view": wanted.name, **said}, name="rows")
        if not json_output:
            notes([shown.about, *found.notes, *shown.notes])


@panel_app.command()
def preselect(
    context: typer.Context,
    evaluation_set: SetOption = "",
    sdr: Annotated[Path | None, typer.Option("--sdr", help="CSV with the columns system, team and sdr (dB).")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many systems go into the listening test.")] = 5,
    to: OutOption = None,
    json_output: JsonOption = False,
) -> None:
    """Choose the systems for a REL/OVL test: those of the best SDR, one of each team (DCASE 2024 task 9)."""
    with guarded(json_output=json_output):
        from ..listening.analysis.relovl import preselection, read_sdr, stored_sdr
        from ..store import Store

        if bool(evaluation_set) == (sdr is not None):
            raise CadenzaError(
                "Say where the SDR is: --set NAME for stored scores, or --sdr FILE for a table; one of both."
            )
        if sdr is not None:
            systems = read_sdr(sdr)
        else:
            with Store.open(settings_of(context)) as store:
                systems = stored_sdr(_scores(store, evaluation_set), store)
        frame = preselection(systems, count)

        def draw() -> Any:
            from ..listening.analysis.figures import preselection_figure

            return preselection_figure(frame)

        write_files(to, frame, draw)
        print_frame(frame, json_output, extra={"count": count}, name="systems")


def _answers(settings: Settings, test: str, path: Path | None) -> "Answers":
    from ..listening.analysis import answers_of, read_answers

    if path is not None:
        frame = read_answers(path)
        lines = frame["line"].tolist()
        return answers_of(frame, test, lambda row: f"{path}, line {lines[row]}")
    if not test:
        raise CadenzaError("Say which test (cadenza panel list), or give a table of answers with --answers.")
    from ..listening.answers import answers_frame
    from ..store import Store

    with Store.open(settings) as store:
        return answers_of(answers_frame(store, test), test)


def _beside(settings: Settings, view: str, evaluation_set: str, target: str, *, is_stored: bool) -> "Beside":
    from ..listening.analysis import Beside

    if not evaluation_set and not is_stored:
        return Beside()
    from ..listening.analysis.haaqi import stored_haaqi
    from ..store import Store

    with Store.open(settings) as store:
        teams = store.systems().rename(columns={"name": "system"})[["system", "team"]]
        if view != "haaqi" or not evaluation_set:
            return Beside(teams=teams)
        return Beside(stored_haaqi(_scores(store, evaluation_set), target), teams)


def _scores(store: "Store", evaluation_set: str) -> "ScoreTable":
    from ..analysis import read_table
    from ..store.published import published_results

    known = list(dict.fromkeys([*store.evaluation_sets(), *published_results(store=store)["evaluation_set"]]))
    if evaluation_set not in known:
        raise CadenzaError(f"There is no evaluation set {evaluation_set!r}: {', '.join(known)}.")
    return read_table(store, evaluation_set)
