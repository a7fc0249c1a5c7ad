"""``cadenza hear tasks``, ``embed``, ``evaluate`` and ``cache``: from data on disk to scores."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from ..audio import read_audio
from ..embedding.leaderboard import standing
from ..embedding.models import find_model
from ..embedding.open_tasks import KINDS, plan_task
from ..embedding.store import Embeddings, remove_space, spaces
from ..embedding.task_writing import write_task
from ..embedding.tasks import Task, find_tasks, read_task
from ..errors import CadenzaError
from ..files import atomic_file
from ..progress import part
from ..separation.digest import digest_samples
from .console import JsonOption, guarded, notes, out, progress, settings_of, table
from .hear import ModelFileOption, hear_app, number

__all__: list[str] = []

ModelArgument = Annotated[str, typer.Argument(help="Id (`cadenza hear models`), or a module's dotted name.")]

tasks_app = typer.Typer(help="Make, list and check HEAR task folders.", no_args_is_help=True)
hear_app.add_typer(tasks_app, name="tasks")


@tasks_app.command()
def make(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")],
    sources: Annotated[
        list[Path] | None, typer.Argument(help="Folders of the data set; none for the tone tasks.")
    ] = None,
    to: Annotated[Path, typer.Option("--out", help="Folder of all tasks.")] = Path("tasks"),
    mode: Annotated[str | None, typer.Option(help="5h, 50h or full, as the task has it.")] = None,
    rate: Annotated[list[int] | None, typer.Option(help="Sample rate, Hz; repeatable.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Write a task folder from a data set on your disk, or the small task of generated tones."""
    with guarded(json_output=json_output):
        with progress(f"Making {kind}") as show:
            plan = plan_task(kind, [source.expanduser() for source in sources or []], mode)
            task = write_task(plan, to.expanduser(), rate or [44100], show)
        out(json_output, _facts(task), partial(_print, f"{task.folder}: {_summary(task)}"))


def _print(text: str, console: Console) -> None:
    console.print(text, soft_wrap=True)


def _facts(task: Task) -> dict[str, Any]:
    facts: dict[str, Any] = {"task": task.full_name, "folder": str(task.folder), "embedding_type": task.kind}
    facts |= {"prediction_type": task.prediction, "labels": len(task.labels), "sample_rates": list(task.rates)}
    counts = {split: len(task.entries(split)) for split in task.splits}
    return {**facts, "splits": counts, "scores": list(task.scores), "sample_duration": task.duration}


def _summary(task: Task) -> str:
    counts = ", ".join(f"{split} {len(task.entries(split))}" for split in task.splits)
    return f"{task.full_name}, {len(task.labels)} labels, {counts} sounds at {', '.join(map(str, task.rates))} Hz"


@tasks_app.command(name="list")
def list_tasks(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of tasks.")] = Path("tasks"),
    json_output: JsonOption = False,
) -> None:
    """List the tasks of a folder; a task that is not whole is named with its fault."""
    with guarded(json_output=json_output):
        rows: list[dict[str, Any]] = []
        for place in find_tasks(folder.expanduser()):
            try:
                rows.append({**_facts(read_task(place)), "fault": ""})
            except CadenzaError as error:
                rows.append({"task": place.name, "folder": str(place), "fault": str(error)})
        listing = table("task", "type", "labels>", "sounds>", "Hz", "scores", "fault")
        for row in rows:
            counts = str(sum(row["splits"].values())) if "splits" in row else ""
            kind = f"{row['embedding_type']}, {row['prediction_type']}" if "splits" in row else ""
            rates = " ".join(map(str, row.get("sample_rates", ())))
            scores = ", ".join(row.get("scores", ()))
            listing.add_row(row["task"], kind, str(row.get("labels", "")), counts, rates, scores, row["fault"])
        out(json_output, rows, lambda console: console.print(listing))


@tasks_app.command()
def check(context: typer.Context, folder: Path, json_output: JsonOption = False) -> None:
    """Check a task folder, every sound's header too; exit status 1 and a sentence if something is wrong."""
    with guarded(json_output=json_output):
        for place in find_tasks(folder.expanduser()):
            task = read_task(place)
            task.check(thorough=True)
            text = f"{_summary(task)}: whole"
            out(json_output, _facts(task), partial(_print, text))


@hear_app.command()
def embed(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Sound files.")],
    model: Annotated[str, typer.Option("--with", help="Id of a model, or a module's dotted name.")] = "naive",
    model_file: ModelFileOption = None,
    timestamps: Annotated[
        bool, typer.Option("--timestamps", help="Over time, with times in ms; else one a file.")
    ] = False,
    to: Annotated[Path, typer.Option("--out", help="Folder for FILE.npz.")] = Path("embeddings"),
    json_output: JsonOption = False,
) -> None:
    """Write embeddings of sound files (mono mean, resampled to the model's rate) as NumPy files."""
    with guarded(json_output=json_output):
        if len({file.stem for file in files}) < len(files):
            raise CadenzaError(
                "Two of the files have the same name; their results would be one. Embed them one by one."
            )
        with progress("Embedding") as show:
            embeddings = Embeddings(find_model(model, settings_of(context), model_file), part(show, 0.0, 0.3))
            sounds = [partial(_mono, file.expanduser(), embeddings.sample_rate) for file in files]
            rest = part(show, 0.3, 1.0)
            each: Any = embeddings.timestamps(sounds, rest) if timestamps else embeddings.scenes(sounds, rest)
            rows = []
            for file, sound, found in zip(files, sounds, each, strict=True):
                arrays = {"scene_embedding": found}
                if timestamps:
                    arrays = {"timestamp_embeddings": found.embeddings, "timestamps": found.times}
                facts = {"model": embeddings.model.id, "space": embeddings.space}
                facts["sound"] = digest_samples([sound()], embeddings.sample_rate)
                path = to.expanduser() / f"{file.stem}.npz"
                with atomic_file(path) as temporary:
                    np.savez(temporary, **arrays, **facts)  # type: ignore[arg-type]
                shape = list(next(iter(arrays.values())).shape)
                rows.append({"file": str(file), "written": str(path), "shape": shape, **facts})
        lines = [f"{row['written']}: {' x '.join(map(str, row['shape']))}, space {row['space']}" for row in rows]
        out(json_output, rows, partial(_print, "\n".join(lines)))


def _mono(path: Path, rate: int) -> np.ndarray:
    samples: np.ndarray = read_audio(path).at(rate).samples.mean(axis=0)
    return samples


@hear_app.command(name="evaluate")
def evaluate_command(
    context: typer.Context,
    model: ModelArgument,
    tasks: Annotated[Path, typer.Option("--tasks", help="Folder of tasks, or one task's.")] = Path("tasks"),
    task: Annotated[list[str] | None, typer.Option(help="Name of a task; repeatable. Else all.")] = None,
    model_file: ModelFileOption = None,
    grid: Annotated[str, typer.Option(help="default (HEAR's), fast or faster.")] = "default",
    grid_points: Annotated[int, typer.Option(help="How many points are drawn; HEAR draws 8.")] = 8,
    retrieval: Annotated[bool, typer.Option("--retrieval", help="No training: l1 distances (scene tasks).")] = False,
    json_output: JsonOption = False,
) -> None:
    """Evaluate a model on HEAR tasks; stopped and started again it goes on where it stood."""
    from ..embedding.evaluate import evaluate, evaluate_retrieval

    with guarded(json_output=json_output):
        settings = settings_of(context)
        found = [read_task(place) for place in find_tasks(tasks.expanduser())]
        chosen = [one for one in found if not task or {one.name, one.full_name, one.folder.name} & set(task)]
        if not chosen:
            raise CadenzaError(
                f"There is no task {', '.join(task or ())} in {tasks}: {', '.join(one.name for one in found)}."
            )
        if retrieval:
            chosen = [one for one in chosen if one.kind == "scene"]
        rows = []
        for one in chosen:
            with progress(f"{one.name} with {model}") as show:
                embeddings = Embeddings(find_model(model, settings, model_file), part(show, 0.0, 0.05))
                rest = part(show, 0.05, 1.0)
                if retrieval:
                    rows.append(evaluate_retrieval(one, embeddings, settings, progress=rest))
                else:
                    rows.append(evaluate(one, embeddings, settings, grid=grid, points=grid_points, progress=rest))
        data = []
        listing = table("task", "score", "result>", "deviation>", "rank>", "best published")
        for row in rows:
            place = standing(row.task, row.scores)
            data.append({**row.as_dict(), "standing": place and place.__dict__})
            for name, value in row.scores.items():
                ranked = place if place and place.score == name else None
                cells = [row.task, name, number(value), number(row.deviations.get(name))]
                if ranked:
                    cells += [f"{ranked.rank}/{ranked.entries + 1}", f"{number(ranked.best[1])} {ranked.best[0]}"]
                listing.add_row(*cells)
        out(json_output, data, lambda console: console.print(listing))
        notes([f"{row.task}: {note}" for row in rows for note in row.notes])


cache_app = typer.Typer(help="What is kept of embeddings.", invoke_without_command=True)
hear_app.add_typer(cache_app, name="cache")


@cache_app.callback()
def cache(
    context: typer.Context,
    remove: Annotated[list[str] | None, typer.Option(help="Delete a space; repeatable.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Show the cached embeddings by space, or delete a space."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        for name in remove or ():
            remove_space(name, settings)
        rows = [space.__dict__ for space in spaces(settings)]
        listing = table("space", "model", "files>", "MB>")
        for row in rows:
            listing.add_row(row["name"], row["model"], str(row["files"]), f"{row['size'] / 1e6:.1f}")
        out(json_output, rows, lambda console: console.print(listing) if rows else None)
