"""``cadenza hear``: audio embeddings behind HEAR's API: models, their validation, tasks, evaluation."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..embedding.leaderboard import standing
from ..embedding.models import add_model, embedding_models, find_model, remove_model
from ..embedding.published import CHECKPOINTS, fetch_checkpoint
from ..embedding.validator import validate
from ..errors import CadenzaError
from .console import JsonOption, guarded, notes, out, progress, settings_of, table
from .root import app

__all__ = ["ModelFileOption", "hear_app", "number"]

hear_app = typer.Typer(help="Audio embeddings: HEAR's API, its tasks, and what sounds alike.", no_args_is_help=True)
app.add_typer(hear_app, name="hear")

ModelFileOption = Annotated[Path | None, typer.Option("--model", help="File or folder of weights, for load_model.")]
ModuleArgument = Annotated[str, typer.Argument(help="Id (`cadenza hear models`), or a module's dotted name.")]


@hear_app.callback()
def here() -> None:
    """Find modules in the current folder too, as ``python -m`` does."""
    if os.getcwd() not in sys.path:  # noqa: PTH109
        sys.path.insert(0, os.getcwd())  # noqa: PTH109


@hear_app.command()
def models(context: typer.Context, json_output: JsonOption = False) -> None:
    """List the embedding models: licence, training data, size, whether they are ready."""
    with guarded(json_output=json_output):
        rows: list[dict[str, Any]] = []
        for model in embedding_models(settings_of(context)):
            reason = model.unavailable_reason()
            facts = {"id": model.id, "title": model.title, "module": model.module, "licence": model.licence}
            facts |= {"trained_on": model.trained_on, "source": model.source}
            rows.append({**facts, "size_mb": model.size_mb, "ready": reason is None, "reason": reason})
        listing = table("id", "ready", "MB>", "licence", "trained on", "module")
        for row in rows:
            size = f"{row['size_mb']:.0f}"
            listing.add_row(
                row["id"], "yes" if row["ready"] else "no", size, row["licence"], row["trained_on"], row["module"]
            )
        out(json_output, rows, lambda console: console.print(listing))
        if not json_output and not all(row["ready"] for row in rows):
            notes(["`cadenza hear get ID` fetches the published weights of a model; --json tells more of each"])


@hear_app.command()
def get(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help=f"One of {', '.join(CHECKPOINTS)}.")],
    json_output: JsonOption = False,
) -> None:
    """Download the published checkpoint of a model; its licence is shown first."""
    with guarded(json_output=json_output):
        if model not in CHECKPOINTS:
            raise CadenzaError(f"No weights are published for {model!r}; {', '.join(CHECKPOINTS)} are accepted.")
        entry = CHECKPOINTS[model]
        notes([f"{entry.repo}: {entry.size_mb:.0f} MB, licence {entry.licence}, trained on {entry.trained_on}"])
        with progress(f"Getting {entry.repo}") as show:
            folder = fetch_checkpoint(entry, settings_of(context), show)
        out(
            json_output,
            {"model": model, "folder": str(folder), "licence": entry.licence},
            lambda console: console.print(str(folder), soft_wrap=True),
        )


@hear_app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Id that the model shall have.")],
    module: Annotated[str, typer.Argument(help="Dotted name of a module of HEAR's API.")],
    model_file: ModelFileOption = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights, for the list.")] = "",
    json_output: JsonOption = False,
) -> None:
    """Register a HEAR module of yours, so that the studio offers it too; it is loaded once to see that it can be."""
    with guarded(json_output=json_output):
        model = add_model(name, module, settings_of(context), model_file, licence)
        data = {"id": model.id, "module": model.module, "space": model.space}
        out(json_output, data, lambda console: console.print(f"{model.id} is registered: {model.module}"))


@hear_app.command()
def remove(context: typer.Context, name: str, json_output: JsonOption = False) -> None:
    """Forget a registered module; its files stay."""
    with guarded(json_output=json_output):
        remove_model(name, settings_of(context))
        text = f"{name} is no longer registered; its files stay where they are"
        out(json_output, {"removed": name}, lambda console: console.print(text))


@hear_app.command(name="validate")
def validate_command(
    context: typer.Context,
    module: ModuleArgument,
    model_file: ModelFileOption = None,
    minutes: Annotated[float, typer.Option(help="Length of the long clip; HEAR asks for 20, 0 leaves it out.")] = 20.0,
    time_limit: Annotated[float, typer.Option(help="Seconds for one check.")] = 600.0,
    memory_limit: Annotated[float, typer.Option(help="GB of memory.")] = 16.0,
    json_output: JsonOption = False,
) -> None:
    """Check that a module follows HEAR's API and behaves; exit status 1 if it does not."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        model = find_model(module, settings, model_file)
        limits = {"minutes": minutes, "time_limit": time_limit, "memory_limit": memory_limit}
        with progress(f"Validating {model.module}") as show:
            weights = model.weights(show)
            report = validate(model.module, weights, device=settings.device, progress=show, **limits)
        rows = [{"check": one.check, "verdict": one.verdict, "text": one.text} for one in report.findings]
        rows += [{"check": check, "verdict": "not run", "text": ""} for check in report.not_run]
        colours = {"ok": "green", "warning": "yellow", "error": "bold red", "not run": "yellow"}
        listing = table("check", "verdict", "what was found")
        for row in rows:
            listing.add_row(
                row["check"], f"[{colours[row['verdict']]}]{row['verdict']}[/]", row["text"].replace("[", "\\[")
            )

        def show_report(console: Any) -> None:
            console.print(listing)
            count = (
                f"{len(report.errors)} errors, {len(report.warnings)} warnings, {len(report.not_run)} checks not run"
            )
            good = "Looks good!" if report.passed else "[bold red]Does not pass:[/]"
            console.print(f"{good} {count}; {report.seconds:.1f} s")

        data = {"module": model.module, "passed": report.passed, "findings": rows, "seconds": report.seconds}
        out(json_output, data, show_report)
        if not report.passed:
            raise typer.Exit(1)


def number(value: float | None, digits: int = 3) -> str:
    """Write a score; NaN and nothing as a dash."""
    return "-" if value is None or value != value else f"{value:.{digits}f}"


@hear_app.command()
def results(context: typer.Context, json_output: JsonOption = False) -> None:
    """Show all results of `cadenza hear evaluate` beside the published leaderboard."""
    with guarded(json_output=json_output):
        from ..embedding.evaluate import results as kept

        rows = kept(settings_of(context))
        listing = table(
            "task", "model", "score", "result>", "rank>", "best published", "wav2vec2>", "OpenL3>", "CREPE>"
        )
        data = []
        for row in rows:
            name = next(iter(row.scores))
            found = standing(row.task, row.scores)
            data.append({**row.as_dict(), "standing": found and found.__dict__})
            spread = f" ±{number(row.deviations[name])}" if name in row.deviations else ""
            cells = [row.task, row.model, name, f"{number(row.scores[name])}{spread}"]
            if found:
                baselines = [number(found.baselines.get(model)) for model in ("wav2vec2", "OpenL3", "CREPE")]
                cells += [f"{found.rank}/{found.entries + 1}", f"{number(found.best[1])} {found.best[0]}", *baselines]
            listing.add_row(*cells)
        out(json_output, data, lambda console: console.print(listing) if rows else None)
        if not rows and not json_output:
            notes(
                [
                    "nothing is evaluated yet: `cadenza hear tasks make tone-pitch --out tasks`, then `cadenza hear evaluate`"
                ]
            )
