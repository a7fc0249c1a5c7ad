"""``cadenza lass``: separate what a sentence describes, and everything around it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..audio import Audio, read_audio, write_audio
from ..audio.levels import measure
from ..catalog import WHOLE, Excerpt, find_song
from ..errors import CadenzaError
from ..progress import part
from ..separation.lass.clips import Clip, read_clips
from ..separation.lass.mixtures import mixture_of, pair_clips, read_mixtures, write_mixtures
from ..separation.lass.models import find_model, lass_folder, lass_models
from ..separation.lass.prompt import Prompt
from ..settings import Settings
from .console import ExcerptOption, JsonOption, guarded, notes, out, parse_excerpt, progress, settings_of, table
from .root import app

__all__ = ["ModelOption", "lass_app"]

lass_app = typer.Typer(help="Language-queried separation: a sentence makes a stem.", invoke_without_command=True)
app.add_typer(lass_app, name="lass")

ModelOption = Annotated[
    str | None, typer.Option(help="Model (`cadenza lass`), or a .ckpt file; the first that is ready.")
]
ClipsOption = Annotated[
    Path, typer.Option(help="Captioned clips: folders named as their sounds, captions.csv in it, or a JSON.")
]


@lass_app.callback()
def list_models(context: typer.Context, json_output: JsonOption = False) -> None:
    """List the models that follow a description, and whether they are ready."""
    if context.invoked_subcommand:
        return
    with guarded(json_output=json_output):
        settings = settings_of(context)
        rows = []
        for model in lass_models(settings):
            reason = model.unavailable_reason(settings)
            row: dict[str, Any] = {"id": model.id, "title": model.title, "sample_rate": model.rate or None}
            row |= {"trained_on": model.trained_on, "licence": model.licence, "source": model.source}
            rows.append({**row, "captions": list(model.captions), "ready": reason is None, "reason": reason})
        listing = table("id", "ready", "Hz>", "trained on", "licence")
        for row in rows:
            rate = "?" if row["sample_rate"] is None else str(row["sample_rate"])
            listing.add_row(row["id"], "yes" if row["ready"] else "no", rate, row["trained_on"], row["licence"])
        out(json_output, rows, lambda console: console.print(listing))
        if not json_output and not any(row["ready"] for row in rows):
            notes(
                [
                    f"`cadenza models get lass-32k` fetches AudioSep; checkpoints of your own go to {lass_folder(settings)}"
                ]
            )


def chosen_model(context: typer.Context, model_id: str | None) -> Any:
    """Give the model of an option: by id, by file, or the first that is ready.

    Raises
    ------
    CadenzaError
        If there is none.
    """
    settings = settings_of(context)
    if model_id:
        return find_model(model_id, settings)
    ready = [model for model in lass_models(settings) if not model.unavailable_reason(settings)]
    if not ready:
        raise CadenzaError(
            "No model that follows descriptions is on this machine. `cadenza lass` lists them, `cadenza models get lass-32k` "
            "fetches AudioSep, `cadenza lass train` makes a small one of your own sounds."
        )
    return ready[0]


@lass_app.command()
def extract(
    context: typer.Context,
    sound: Annotated[str, typer.Argument(help="Sound file, or a song (`cadenza songs`), to extract from.")],
    query: Annotated[str, typer.Argument(help="What is wanted, in words.")],
    to: Annotated[Path, typer.Option("--out", help="Folder; target.wav and rest.wav are written to it.")],
    without: Annotated[list[str] | None, typer.Option("--not", help="What shall not come with it; repeatable.")] = None,
    within: Annotated[str | None, typer.Option(help="Look for it only here, START-STOP in seconds.")] = None,
    excerpt: ExcerptOption = None,
    model: ModelOption = None,
    json_output: JsonOption = False,
) -> None:
    """Extract what a sentence describes; target and rest (WAV, 32-bit float) sum to the sound."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        chosen = chosen_model(context, model)
        prompt = Prompt(query, tuple(without or ()), Excerpt.parse(within) if within else None)
        cut = parse_excerpt(excerpt)
        mixture = _read(sound, cut, settings)
        from ..separation.lass.extract import extract as extract_sound
        from ..separation.lass.loading import load_model

        with progress(f"Extracting from {Path(sound).name}") as show:
            loaded = load_model(chosen, settings, part(show, 0.0, 0.1))
            made = extract_sound(
                loaded, mixture, prompt, excerpt=cut if excerpt else WHOLE, progress=part(show, 0.1, 1.0)
            )
        rest = mixture.stereo().samples - made.target
        files = {}
        for name, samples in (("target", made.target), ("rest", rest)):
            files[name] = to / f"{name}.wav"
            write_audio(files[name], samples, mixture.rate, subtype="FLOAT")
        presence = made.presence
        data: dict[str, Any] = {"model": chosen.id, "request": prompt.facts, "sample_rate": mixture.rate}
        data |= {"files": {name: str(path) for name, path in files.items()}, "notes": [*mixture.notes, *made.notes]}
        data["presence"] = {
            "verdict": presence.verdict,
            "strongest_db": presence.strongest,
            "overall_db": presence.overall,
        }
        data["target"] = measure(made.target, mixture.rate).as_dict()
        listing = table("", "peak (dBFS)>", "loudness (LUFS)>")
        for name, samples in (("target", made.target), ("rest", rest)):
            levels = measure(samples, mixture.rate)
            listing.add_row(name, f"{levels.peak:.1f}", f"{levels.loudness:.1f}")
        out(json_output, data, lambda console: console.print(listing))
        warning = presence.warning(prompt.query)
        notes([*([warning] if warning else []), *mixture.notes, *made.notes])


def _read(sound: str, cut: Excerpt, settings: Settings) -> Audio:
    """Read a file as it is, at its own rate; or a song's mixture."""
    path = Path(sound).expanduser()
    return read_audio(path, cut.start, cut.stop) if path.is_file() else find_song(sound, settings).mixture(cut)


@lass_app.command()
def synthesise(
    context: typer.Context,
    clips: ClipsOption,
    to: Annotated[Path, typer.Option("--out", help="Folder for the mixtures, sources and mixtures.csv.")],
    csv: Annotated[
        Path | None, typer.Option(help="source,noise,snr,query: which mixtures; made from the captions if left out.")
    ] = None,
    count: Annotated[int, typer.Option(help="How many pairs are drawn where there is no CSV.", min=1)] = 100,
    only: Annotated[str, typer.Option(help="Draw only clips whose file name begins so, such as 4-.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the drawing.", min=0)] = 0,
    rate: Annotated[int, typer.Option(help="Sample rate, Hz.", min=8000)] = 16000,
    json_output: JsonOption = False,
) -> None:
    """Write mixtures by DCASE 2024 task 9's rule from a CSV, or from pairs of captioned clips drawn here."""
    with guarded(json_output=json_output):
        folder = clips if clips.is_dir() else clips.parent
        if csv:
            rows = read_mixtures(csv, folder)
        else:
            rows = pair_clips([clip for clip in read_clips(clips) if clip.name.startswith(only)], count, seed)
        with progress("Mixing") as show:
            for number, row in enumerate(rows):
                show(number / len(rows), f"{row.source} and {row.noise}")
                source, mixture = mixture_of(row, folder, rate)
                name = f"{number:05d}_{row.source}_{row.noise}_{row.snr:g}"
                write_audio(to / "mixtures" / f"{name}.wav", mixture, rate, subtype="FLOAT")
                write_audio(to / "sources" / f"{name}.wav", source, rate, subtype="FLOAT")
        write_mixtures(to / "mixtures.csv", rows)
        data = {"csv": str(to / "mixtures.csv"), "mixtures": len(rows), "sample_rate": rate}
        out(json_output, data, lambda console: console.print(f"{len(rows)} mixtures in {to}", soft_wrap=True))


@lass_app.command()
def train(
    context: typer.Context,
    clips: ClipsOption,
    name: Annotated[str, typer.Option(help="Name of the model; it is written to the models folder.")],
    size: Annotated[
        str, typer.Option(help="small (minutes on a processor), dcase or audiosep (days on a GPU).")
    ] = "small",
    hold_out: Annotated[
        str | None, typer.Option(help="Leave out clips whose file name begins so, such as 4-; for `evaluate`.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps, instead of the size's own.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Segments in a batch.", min=2)] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
    json_output: JsonOption = False,
) -> None:
    """Train a model on captioned clips with the official mixer and loss; stopped, the same call goes on."""
    with guarded(json_output=json_output):
        from ..files import check_name
        from ..separation.lass.training import SETUPS, resized
        from ..separation.lass.training import train as train_model

        settings = settings_of(context)
        if size not in SETUPS:
            raise CadenzaError(f"There is no size {size!r}: {', '.join(SETUPS)}.")
        kept, left_out = _split(read_clips(clips), hold_out)
        target = lass_folder(settings) / f"{check_name(name, 'model')}.ckpt"
        if target.exists():
            raise CadenzaError(f"There is a model {target} already. Choose another name, or delete it.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with progress(f"Training {name}") as show:
            made = train_model(
                kept,
                target,
                resized(SETUPS[size], steps=steps, batch=batch),
                seed=seed,
                device=settings.device,
                settings=settings,
                trained_on=f"{len(kept)} clips of {len({clip.caption for clip in kept})} captions from {clips.name}",
                progress=show,
            )
        data = {"model": name, "checkpoint": str(made.path), "clips": len(kept), "held_out": len(left_out)}
        data |= {"steps": made.steps, "seconds": round(made.seconds, 1), "loss": made.loss, "seed": seed}
        text = f"{made.path}: {made.steps} steps in {made.seconds:.0f} s, loss {made.loss:.4f}"
        out(json_output, data, lambda console: console.print(text, soft_wrap=True))
        if left_out:
            notes([f"{len(left_out)} clips whose names begin with {hold_out!r} were left out"])


def _split(clips: list[Clip], hold_out: str | None) -> tuple[list[Clip], list[Clip]]:
    left_out = [clip for clip in clips if hold_out and clip.name.startswith(hold_out)]
    if hold_out and not left_out:
        raise CadenzaError(f"No clip's name begins with {hold_out!r}.")
    kept = [clip for clip in clips if clip not in left_out]
    if not kept:
        raise CadenzaError("No clip is left to train on.")
    return kept, left_out
