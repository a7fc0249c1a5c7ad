"""``cadenza challenge``: many songs times many listeners; each command can be stopped and started again."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..challenge import (
    ChallengeSet,
    Pool,
    RunFolder,
    SceneSet,
    Summary,
    batch_of,
    enhance_plan,
    enhance_scenes_plan,
    estimate,
    evaluate_plan,
    evaluate_scenes_plan,
    gains_from,
    merge_scores,
    read_scenes,
    read_set,
    run,
    run_folder,
    run_scores,
    scene_table,
    scores_of,
    size_of,
    status_of,
    system_of,
    usable_cores,
    validate_set,
    write_table,
)
from ..errors import CadenzaError
from ..hearing import DEFAULT_PRESCRIPTION
from ..submission import pack
from .challenge_report import (
    check_room,
    do_plan,
    print_line,
    say_end,
    say_need,
    show_status,
    store_or_say_why,
)
from .console import guarded, notes, out, progress, settings_of
from .hearing import PrescriptionOption
from .root import app

__all__: list[str] = []

challenge_app = typer.Typer(
    help="Many songs times many listeners: resumable, on one machine or a cluster.", no_args_is_help=True
)
app.add_typer(challenge_app, name="challenge")

JsonLines = Annotated[bool, typer.Option("--json", help="Print events and result as JSON, one object a line.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DataOption = Annotated[Path, typer.Option(help="The data: the folder that holds audio/ and metadata/.")]
SetOption = Annotated[str, typer.Option("--set", help="train, valid or test (the evaluation set).")]
FormOption = Annotated[Literal["cad1", "icassp2024"], typer.Option(help="Which challenge.")]
SongsOption = Annotated[
    list[str] | None, typer.Option("--songs", help="Names, patterns, or a .json list of songs (scenes); repeatable.")
]
ListenersOption = Annotated[
    list[str] | None, typer.Option("--listeners", help="Names, patterns, or a .json file of listeners; repeatable.")
]
WithoutOption = Annotated[
    list[str] | None, typer.Option("--without", help="Songs or listeners to leave out; repeatable.")
]
SegmentsOption = Annotated[Path | None, typer.Option(help="Segments file; the test set brings its own.")]
WholeOption = Annotated[bool, typer.Option("--whole", help="Whole songs, even of the test set.")]
WorkersOption = Annotated[int, typer.Option(help="Processes on this machine; 0: one for each processor.")]
SchedulerOption = Annotated[
    str | None, typer.Option(help="Address of a Dask scheduler, to work on its cluster instead.")
]
RetryOption = Annotated[bool, typer.Option("--retry-failed", help="Try again what has failed before.")]
BatchOption = Annotated[str, typer.Option(help="I/N: only part I of N, as the recipe's batches.")]
EstimateOption = Annotated[bool, typer.Option("--estimate", help="Only say what it would need.")]


@challenge_app.command()
def enhance(
    context: typer.Context,
    data: DataOption,
    system: Annotated[str, typer.Option(help="Separation system, as `cadenza models` lists it.")],
    to: Annotated[Path, typer.Option("--out", help="Folder; enhanced_signals/ is made in it.")],
    name: SetOption = "valid",
    form: FormOption = "cad1",
    songs: SongsOption = None,
    listeners: ListenersOption = None,
    without: WithoutOption = None,
    segments: SegmentsOption = None,
    whole: WholeOption = False,
    gain: Annotated[
        list[str] | None, typer.Option(help="STEM=DB of every remix, such as vocals=3; repeatable.")
    ] = None,
    gains: Annotated[
        str, typer.Option(help="Gains from 'proposal', 'proposal:preference', 'preset:NAME' or FILE.json.")
    ] = "",
    prescription: PrescriptionOption = DEFAULT_PRESCRIPTION,
    compressor: Annotated[bool, typer.Option("--compressor", help="The recipe's compressor after it.")] = False,
    soft_clip: Annotated[
        bool | None,
        typer.Option("--soft-clip/--hard-clip", help="Limit remixes by tanh (cad1) or clipping (icassp2024)."),
    ] = None,
    batch: BatchOption = "1/1",
    workers: WorkersOption = 0,
    scheduler: SchedulerOption = None,
    retry_failed: RetryOption = False,
    only_estimate: EstimateOption = False,
    json_lines: JsonLines = False,
) -> None:
    """Write the files of a set: each song is separated once, and amplified for every listener."""
    with guarded(json_output=json_lines):
        settings = settings_of(context)
        chosen: dict[str, Any] = {"listeners": listeners or (), "without": without or ()}
        if form == "cad1":
            cad1 = read_set(data, name, songs=songs or (), segments=segments, whole=whole, **chosen)
            of = gains_from(gains, gain or (), cad1, settings)
            options: dict[str, Any] = {
                "prescription": prescription,
                "compressor": compressor,
                "soft_clip": soft_clip is not False,
                "batch": batch_of(batch),
            }
            plan = enhance_plan(cad1, system, to, settings, of, **options)
        else:
            _refuse({"--gain": gain, "--gains": gains, "--segments": segments, "--batch": batch != "1/1"})
            _refuse({"--prescription": prescription != DEFAULT_PRESCRIPTION})
            scenes = read_scenes(data, name, scenes=songs or (), **chosen)
            plan = enhance_scenes_plan(scenes, system, to, settings, compressor=compressor, soft_clip=bool(soft_clip))
        need = estimate(plan, settings, workers or usable_cores())
        say_need(plan, need, json_lines, final=only_estimate)
        if only_estimate:
            return
        if not plan.folder.exists:
            check_room(need)

        def work(pool: Pool, show: Any, events: Any) -> Summary:
            return run(plan, pool, retry_failed=retry_failed, progress=show, events=events)

        say_end(
            do_plan(plan, f"Enhancing {name}", workers, scheduler, json_lines, work), json_lines, plan.about["results"]
        )


@challenge_app.command()
def evaluate(
    context: typer.Context,
    csv: Annotated[Path, typer.Option(help="The score table to write.")],
    data: Annotated[Path | None, typer.Option(help="The data: the folder that holds audio/ and metadata/.")] = None,
    enhanced: Annotated[Path | None, typer.Option(help="The results: a folder of `enhance`, or anybody's.")] = None,
    name: SetOption = "valid",
    form: FormOption = "cad1",
    songs: SongsOption = None,
    listeners: ListenersOption = None,
    without: WithoutOption = None,
    segments: SegmentsOption = None,
    whole: WholeOption = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="HAAQI by pyclarity itself: the same, far slower.")
    ] = False,
    allow_unscaled: Annotated[
        bool, typer.Option("--allow-unscaled", help="Take a missing scale file for a factor of 1, as pyclarity does.")
    ] = False,
    system: Annotated[str, typer.Option("--name", help="What to call the system in the database.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace scores in the database that differ.")] = False,
    no_store: Annotated[bool, typer.Option("--no-store", help="Do not store the scores in the database.")] = False,
    merge: Annotated[list[Path] | None, typer.Option(help="Only merge these scores_<i>-<n>.csv; repeatable.")] = None,
    batch: BatchOption = "1/1",
    workers: WorkersOption = 0,
    scheduler: SchedulerOption = None,
    retry_failed: RetryOption = False,
    only_estimate: EstimateOption = False,
    json_lines: JsonLines = False,
) -> None:
    """Score a set's files with HAAQI, as the challenge's recipe (pyclarity 0.9.0), into its scores.csv."""
    with guarded(json_output=json_lines):
        if merge:
            rows = merge_scores(merge, csv)
            print_line(json_lines, {"event": "merged", "rows": rows, "csv": str(csv)}, f"{rows} rows in {csv}")
            return
        if data is None or enhanced is None:
            raise CadenzaError("Scoring needs --data ROOT and --enhanced DIR; merging needs --merge FILE.")
        settings = settings_of(context)
        engine = "reference" if reference else "fast"
        scored: ChallengeSet | SceneSet
        chosen: dict[str, Any] = {"listeners": listeners or (), "without": without or ()}
        if form == "cad1":
            scored = cad1 = read_set(data, name, songs=songs or (), segments=segments, whole=whole, **chosen)
            part = batch_of(batch)
            if part[1] > 1:
                csv = csv.with_name(f"{csv.stem}_{part[0]}-{part[1]}.csv")
            plan = evaluate_plan(cad1, enhanced, csv, engine=engine, allow_unscaled=allow_unscaled, batch=part)
            write: Callable[[], object] = lambda: write_table(  # noqa: E731
                plan.folder, csv, scores_of(plan.keys, plan.folder.journal().done)
            )
        else:
            _refuse({"--segments": segments, "--batch": batch != "1/1", "--allow-unscaled": allow_unscaled})
            scored = scenes = read_scenes(data, name, scenes=songs or (), **chosen)
            plan = evaluate_scenes_plan(scenes, enhanced, csv, engine=engine)
            write = lambda: scene_table(scenes, plan.folder, csv)  # noqa: E731
        say_need(plan, estimate(plan, settings, workers or usable_cores()), json_lines, final=only_estimate)
        if only_estimate:
            return

        def work(pool: Pool, show: Any, events: Any) -> Summary:
            return run_scores(plan, pool, write, retry_failed=retry_failed, progress=show, events=events)

        summary = do_plan(plan, f"Scoring {name}", workers, scheduler, json_lines, work)
        if not no_store:
            store_or_say_why(plan, scored, system_of(enhanced, settings, system), settings, json_lines, replace=replace)
        say_end(summary, json_lines, str(csv), mean=status_of(plan.folder).mean)


@challenge_app.command(name="pack")
def pack_command(
    folder: Annotated[Path, typer.Argument(help="Folder of results, or enhanced_signals in it.")],
    to: Annotated[Path, typer.Option("--out", help="The .zip file to write, or a folder.")],
    team: Annotated[str, typer.Option(help="The team's id.")] = "T001",
    leave_out_others: Annotated[
        bool, typer.Option("--leave-out-others", help="Leave out what is no part of a submission; else it is refused.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Pack a submission's zip with the official layout, straight from the files."""
    with guarded(json_output=json_output):
        if RunFolder(folder / "challenge").exists and status_of(RunFolder(folder / "challenge")).left:
            left = status_of(RunFolder(folder / "challenge")).left
            notes(
                [f"the run in {folder} is not at its end: {left} pairs are left; `cadenza challenge status` tells more"]
            )
        files, size = size_of(folder)
        notes([f"packing {files} files, {size / 1e9:.2f} GB"] if not json_output else [])
        with progress(f"Packing {team}") as show:
            archive = pack(folder, team, to, leave_out_others=leave_out_others, progress=show)
        if archive.name != f"submission_{team}.zip":
            notes([f"the challenge asks for the name submission_{team}.zip; rename the file before you upload it"])
        data = {"zip": str(archive), "files": files, "bytes": archive.stat().st_size}
        out(json_output, data, lambda console: console.print(f"packed: {archive}", soft_wrap=True))


@challenge_app.command(name="validate")
def validate_command(
    path: Annotated[Path, typer.Argument(help="Folder of results, or a submission's zip.")],
    data: Annotated[Path | None, typer.Option(help="The data, to compare with what the set asks for.")] = None,
    name: SetOption = "valid",
    songs: SongsOption = None,
    listeners: ListenersOption = None,
    without: WithoutOption = None,
    segments: SegmentsOption = None,
    whole: WholeOption = False,
    csv: Annotated[Path | None, typer.Option(help="Score table to check as well; scores.csv in the folder is.")] = None,
    no_compare: Annotated[
        bool, typer.Option("--no-compare", help="Do not compare left and right with the true stems.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Check every file of a set and name each fault; exit status 0 only if there is none."""
    with guarded(json_output=json_output):
        chosen: dict[str, Any] = {"songs": songs or (), "listeners": listeners or (), "without": without or ()}
        cad1 = None if data is None else read_set(data, name, segments=segments, whole=whole, **chosen)
        if cad1 is None and not json_output:
            notes(
                ["without --data, nobody knows what should be there, nor compares left and right with the true stems"]
            )
        files, size = size_of(path)
        notes([f"checking {files} files, {size / 1e9:.2f} GB"] if not json_output else [])
        with progress(f"Validating {path.name}") as show:
            report = validate_set(path, cad1, csv=csv, compare=not no_compare, progress=show)
        faults = [{"path": f.path, "code": f.code, "severity": f.severity, "message": f.message} for f in report.faults]
        result = {"ok": report.ok, "files": report.files, "pairs": report.pairs, "bytes": size, "faults": faults}

        def show_faults(console: Any) -> None:
            for fault in report.faults:
                console.print(str(fault), soft_wrap=True, markup=False)
            errors = len(report.errors)
            console.print(
                f"{report.pairs} pairs, {report.files} files, {errors} errors, {len(faults) - errors} warnings"
            )

        out(json_output, result, show_faults)
        if not report.ok:
            raise typer.Exit(1)


@challenge_app.command()
def status(
    place: Annotated[Path, typer.Argument(help="The folder of `enhance --out`, or the table of `evaluate --csv`.")],
    json_output: JsonOption = False,
) -> None:
    """Say what of a run is done, running, failed (and why) and left, and how long it will take."""
    with guarded(json_output=json_output):
        found = status_of(run_folder(place))
        out(json_output, found.as_dict(), lambda console: show_status(console, found))


def _refuse(options: Mapping[str, object]) -> None:
    if given := [name for name, value in options.items() if value]:
        raise CadenzaError(
            f"{', '.join(given)}: not for --form icassp2024, whose scenes bring their gains and whole songs."
        )
