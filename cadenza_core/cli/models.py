"""``cadenza models``: which separation systems there are, and their weights."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..separation import get_system, local_names, register_local, remove_local, systems
from ..separation.vectors import verify, write_vectors
from ..separation.weight_sets import WeightSet, weight_sets
from ..separation.weights import fetch, missing_message, status
from ..separation.weights import remove as remove_weights
from ..settings import Settings
from .console import JsonOption, guarded, notes, out, progress, settings_of, table
from .root import app

__all__: list[str] = []

models_app = typer.Typer(help="Separation systems and their weights.", invoke_without_command=True)
app.add_typer(models_app, name="models")

SystemArgument = Annotated[str, typer.Argument(help="Id of a system, as `cadenza models` lists it.")]


@models_app.callback()
def list_models(context: typer.Context, json_output: JsonOption = False) -> None:
    """List the systems: training data, licence, size, whether CAD1's closed rule allows them, whether they are ready."""
    if context.invoked_subcommand:
        return
    with guarded(json_output=json_output):
        settings = settings_of(context)
        rows: list[dict[str, Any]] = []
        for info in systems():
            reason = get_system(info.id, settings).unavailable_reason()
            facts = {"id": info.id, "title": info.title, "stems": list(info.stems), "sample_rate": info.rate}
            facts |= {"trained_on": info.trained_on, "licence": info.licence, "size_mb": info.size_mb}
            facts |= {"cad1_closed": info.cad1_closed, "oracle": info.oracle, "source": info.source, "note": info.note}
            rows.append({**facts, "ready": reason is None, "reason": reason})
        rows += [_set_row(one, settings) for one in weight_sets()]
        listing = table("id", "ready", "CAD1 closed", "MB>", "licence", "trained on")
        for row in rows:
            ready, allowed = ("yes" if row[key] else "no" for key in ("ready", "cad1_closed"))
            listing.add_row(row["id"], ready, allowed, f"{row['size_mb']:.0f}", row["licence"], row["trained_on"])
        out(json_output, rows, lambda console: console.print(listing))
        if not json_output and not all(row["ready"] for row in rows):
            notes(["`cadenza models get ID` fetches the weights of a system; --json tells more of each"])


def _set_row(files: WeightSet, settings: Settings) -> dict[str, Any]:
    """Give the row of weights that belong to no system of stems."""
    missing = status(files.id, settings).missing
    facts: dict[str, Any] = {"id": files.id, "title": files.title, "stems": [], "sample_rate": None}
    facts |= {"trained_on": files.trained_on, "licence": files.licence, "size_mb": round(files.size_mb, 1)}
    facts |= {"cad1_closed": False, "oracle": False, "source": files.source, "note": files.note}
    reason = missing_message(files.id, list(missing), settings) if missing else None
    return {**facts, "ready": reason is None, "reason": reason}


@models_app.command()
def get(context: typer.Context, system: SystemArgument, json_output: JsonOption = False) -> None:
    """Download the weights of a system, checked by their digest; a file that is there already is only checked."""
    with guarded(json_output=json_output):
        with progress(f"Getting {system}") as show:
            status = fetch(system, settings_of(context), show)
        files = [{"path": str(entry.path), "bytes": entry.size} for entry in status.files]
        text = "\n".join(f"{entry.path} ({entry.size / 1e6:.1f} MB)" for entry in status.files)
        out(
            json_output,
            {"system": system, "files": files},
            lambda console: console.print(text or f"{system} needs no weights.", soft_wrap=True),
        )


@models_app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Id that the system shall have.")],
    folder: Annotated[Path, typer.Argument(help="Folder of a Demucs or Open-Unmix checkpoint.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights, for the list.")] = "",
    trained_on: Annotated[str, typer.Option(help="Training data, for the list.")] = "",
    cad1_closed: Annotated[
        bool, typer.Option("--cad1-closed", help="You say that CAD1's closed rule allows it.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Register a folder of your own checkpoints as a system; it is loaded once to see that it fits."""
    with guarded(json_output=json_output):
        options = {"licence": licence, "trained_on": trained_on}
        info = register_local(name, folder, settings_of(context), cad1_closed=cad1_closed, **options)
        data = {"id": info.id, "title": info.title, "stems": list(info.stems), "sample_rate": info.rate}
        text = f"{info.id} is registered: {', '.join(info.stems)} at {info.rate} Hz"
        out(json_output, data, lambda console: console.print(text))


@models_app.command()
def remove(context: typer.Context, system: SystemArgument, json_output: JsonOption = False) -> None:
    """Delete the downloaded weights of a system, or forget a folder of yours (whose files stay)."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        if system in local_names(settings):
            remove_local(system, settings)
            deleted, text = [], f"{system} is no longer registered; its files stay where they are"
        else:
            deleted = [str(path) for path in remove_weights(system, settings)]
            text = "\n".join(f"deleted {path}" for path in deleted) or f"nothing was downloaded for {system}"
        out(json_output, {"system": system, "deleted": deleted}, lambda console: console.print(text, soft_wrap=True))


@models_app.command(name="verify")
def verify_command(
    context: typer.Context,
    system: SystemArgument,
    vectors: Annotated[Path | None, typer.Option(help="File of inputs and expected stems (.npz).")] = None,
    write: Annotated[Path | None, typer.Option(help="Write such a file with what the system gives here.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Check the digests of a system's weights and, with --vectors, its output; exit status 1 if they differ."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        with progress(f"Verifying {system}") as show:
            if write:
                write_vectors(system, settings, write, progress=show)
            found = verify(system, settings, vectors or write, show)
        files = [
            {
                "name": entry.file.name,
                "path": str(entry.path) if entry.path else None,
                "fault": entry.fault,
                "sha256": entry.sha256,
            }
            for entry in found.files
        ]
        data = {"system": system, "passed": found.passed, "files": files, "tolerance": found.tolerance}
        data["largest_difference"] = dict(found.differences)

        def show_result(console: Any) -> None:
            for file in files:
                right = "digest is right" if file["sha256"] else "there, no published digest to compare with"
                state = file["fault"] or (right if file["path"] else "not on this machine")
                console.print(f"{file['name']}: {state}", soft_wrap=True, markup=False)
            for stem, difference in found.differences.items():
                console.print(f"{stem}: largest difference {difference:.3g} (accepted: {found.tolerance:.3g})")
            console.print("passed" if found.passed else "[bold red]failed[/]")

        out(json_output, data, show_result)
        if not found.passed:
            raise typer.Exit(1)
