"""``cadenza compare``: remixes of one song for one listener side by side."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..audio import RATE, read_audio, write_audio
from ..catalog import find_listener, find_song, listener_files
from ..remix import Presets
from .console import ExcerptOption, JsonOption, guarded, notes, out, parse_excerpt, progress, settings_of, table
from .root import app
from .separation import SongOption
from .work import ListenerOption

__all__: list[str] = []

_REMIX = "original, SYSTEM, SYSTEM:PRESET or SYSTEM:STEM=DB,STEM=DB; two to nine of them."


@app.command()
def compare(
    context: typer.Context,
    song: SongOption,
    listener: ListenerOption,
    remix: Annotated[list[str], typer.Option(help=_REMIX)],
    excerpt: ExcerptOption = None,
    plain: Annotated[bool, typer.Option("--plain", help="Not amplified for the listener.")] = False,
    score: Annotated[bool, typer.Option(help="HAAQI against the same mix of the true stems.")] = True,
    to: Annotated[
        list[Path] | None, typer.Option("--out", help="Write the table: .csv, .parquet, .tex, .json.")
    ] = None,
    spectra: Annotated[
        list[Path] | None, typer.Option(help="Write the spectra: the same, or .png, .svg, .html; repeatable.")
    ] = None,
    sounds: Annotated[Path | None, typer.Option(help="Folder for the sounds, loudness matched (WAV, 24 bit).")] = None,
    json_output: JsonOption = False,
) -> None:
    """Compare remixes of a song for a listener: gains, HAAQI, levels and spectra, and sounds of equal loudness."""
    with guarded(json_output=json_output):
        from ..analysis.files import FIGURE_SUFFIXES, write_view
        from ..analysis.remixes import RemixChoice, compare_remixes
        from ..playback import playback_sounds

        settings = settings_of(context)
        found, ear = find_song(song, settings), find_listener(listener, listener_files(settings))
        presets = Presets(settings.own / "presets").all(found.id, listener)
        choices = [RemixChoice.parse(text, presets) for text in remix]
        with progress(f"Comparing {found.id} for {ear.id}") as show:
            made = compare_remixes(
                found,
                ear,
                choices,
                settings,
                parse_excerpt(excerpt),
                aided=not plain,
                with_scores=score,
                progress=show,
            )
        frame, bands = made.table(), made.spectra()
        for path in to or ():
            notes([f"written to {path}", *write_view(path, frame, None)])
        for path in spectra or ():
            figure = None
            if path.suffix.lower() in FIGURE_SUFFIXES:
                from ..analysis.figures import spectra_figure

                figure = spectra_figure(bands)
            notes([f"written to {path}", *write_view(path, bands, figure)])
        if sounds:
            for number, one in enumerate(made.remixes, 1):
                kept = playback_sounds(settings).path(one.sounds.id, one.sounds.sounds["remix"].file)
                if kept is not None:
                    samples = read_audio(kept).samples * 10.0 ** ((one.matched_db - one.sound_db) / 20.0)
                    write_audio(sounds / f"{number}.wav", samples, RATE, subtype="PCM_24")
            names = "; ".join(f"{number}.wav is {one.choice.label}" for number, one in enumerate(made.remixes, 1))
            notes([f"in {sounds}: {names}"])
        rows = frame.to_dict("records")
        listing = table("remix", "HAAQI>", "left>", "right>", "LUFS>", "dBTP>", "lowered (dB)>")
        for row in rows:
            keys = ("haaqi", "left", "right", "loudness", "true_peak", "matched_db")
            listing.add_row(str(row["remix"]), *(_number(row[key]) for key in keys))
        data: dict[str, Any] = {"song": found.id, "listener": ear.id, "remixes": rows}
        out(json_output, data, lambda console: console.print(listing))
        notes(list(dict.fromkeys(note for one in made.remixes for note in one.notes)))


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4f}" if abs(value) <= 1 else f"{value:.1f}"
