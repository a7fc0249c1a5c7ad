"""``cadenza hear neighbours``, ``sections`` and ``distance``: what sounds alike."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..audio import read_audio
from ..catalog import Song, find_song, library
from ..catalog.own import with_own
from ..embedding.collection import Cut, collect
from ..embedding.compare import compare
from ..embedding.models import find_model
from ..embedding.sections import find_timeline
from ..embedding.store import Embeddings
from ..embedding.tracks import MIXTURE, Track, over_time, tracks_of
from ..errors import CadenzaError
from ..progress import part
from .console import JsonOption, guarded, notes, out, progress, settings_of, table
from .hear import ModelFileOption, hear_app

__all__: list[str] = []

SongOption = Annotated[str, typer.Option(help="Catalog id, or path of a song's folder or file.")]
WithOption = Annotated[str, typer.Option("--with", help="Id of a model, or a module's dotted name.")]


@hear_app.command()
def neighbours(
    context: typer.Context,
    song: SongOption,
    model: WithOption = "logmel",
    model_file: ModelFileOption = None,
    stem: Annotated[str, typer.Option(help="mixture, vocals, drums, bass or other.")] = MIXTURE,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    json_output: JsonOption = False,
) -> None:
    """List the songs of the catalog that sound most like a song, by whole songs or one of their stems."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        wanted = find_song(song, settings)
        songs = _with(wanted, library(with_own(settings)))
        with progress("Embedding") as show:
            embeddings = Embeddings(find_model(model, settings, model_file), part(show, 0.0, 0.1))
            tracks, faults = tracks_of(songs, [stem])
            found = collect(tracks, embeddings, Cut(None), settings, part(show, 0.1, 1.0))
        numbers = [k for k, item in enumerate(found.items) if item.track.song == wanted]
        if not numbers:
            raise CadenzaError(
                "; ".join((*found.notes, *faults)) or f"{wanted.name} is silent: nothing sounds like it."
            )
        rows = []
        for one in found.neighbours(numbers[0], count):
            item = found.items[one.number]
            facts = {"song": item.track.song.id, "part": item.track.part, "distance": one.distance}
            rows.append({**facts, "closer_than_percent_of_pairs": one.percentile})
        listing = table("song", "part", "closer than>", "distance (l1)>")
        for row in rows:
            percent = f"{row['closer_than_percent_of_pairs']:.1f} % of pairs"
            listing.add_row(str(row["song"]), str(row["part"]), percent, f"{row['distance']:.4g}")
        data = {"song": wanted.id, "model": embeddings.model.id, "space": embeddings.space, "neighbours": rows}
        out(json_output, data, lambda console: console.print(listing))
        notes([*found.notes, *faults])


def _with(wanted: Song, songs: list[Song]) -> list[Song]:
    """Give the songs with `wanted` among them once, in whatever way it was named."""
    return [wanted, *(one for one in songs if one.tracks != wanted.tracks)]


@hear_app.command()
def sections(
    context: typer.Context,
    song: SongOption,
    model: WithOption = "logmel",
    model_file: ModelFileOption = None,
    sensitivity: Annotated[float, typer.Option(min=0.0, max=1.0, help="How small a change begins a section.")] = 0.5,
    json_output: JsonOption = False,
) -> None:
    """Find the sections of a song; those of one letter sound alike."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        wanted = find_song(song, settings)
        with progress("Embedding") as show:
            embeddings = Embeddings(find_model(model, settings, model_file), part(show, 0.0, 0.1))
            found = over_time(Track(wanted), embeddings, settings, part(show, 0.1, 1.0))
        line = find_timeline(found, wanted.duration)
        rows = [{"start": one.start, "stop": one.stop, "letter": one.letter} for one in line.sections(sensitivity)]
        listing = table("start (s)>", "stop (s)>", "letter")
        for row in rows:
            listing.add_row(f"{row['start']:.1f}", f"{row['stop']:.1f}", str(row["letter"]))
        data = {"song": wanted.id, "model": embeddings.model.id, "space": embeddings.space, "sections": rows}
        out(json_output, data, lambda console: console.print(listing))


@hear_app.command()
def distance(
    context: typer.Context,
    one: Annotated[Path, typer.Argument(help="A sound file, such as a remix.")],
    other: Annotated[Path, typer.Argument(help="Another of the same length, such as its reference.")],
    model: WithOption = "logmel",
    model_file: ModelFileOption = None,
    json_output: JsonOption = False,
) -> None:
    """Tell how far two sounds of one length are from each other, over all and second by second."""
    with guarded(json_output=json_output):
        sounds = [read_audio(path.expanduser()).stereo() for path in (one, other)]
        sounds[1] = replace(sounds[1].at(sounds[0].rate), notes=())
        with progress("Embedding") as show:
            embeddings = Embeddings(find_model(model, settings_of(context), model_file), part(show, 0.0, 0.2))
            found = compare(sounds[0].samples, sounds[1].samples, sounds[0].rate, embeddings, part(show, 0.2, 1.0))
        data: dict[str, Any] = {"distance": found.distance, "model": embeddings.model.id, "space": found.space}
        data |= {"times": found.times.tolist(), "curve": found.curve.tolist()}
        worst = int(found.curve.argmax())
        text = f"l1 distance {found.distance:.4g} ({embeddings.model.id}); largest at {found.times[worst]:.1f} s"
        out(json_output, data, lambda console: console.print(text))
