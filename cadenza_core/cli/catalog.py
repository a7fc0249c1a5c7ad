"""``cadenza songs`` and ``cadenza listeners``."""

from typing import Any

import typer
from clarity.utils.audiogram import Listener

from ..catalog import Song, all_listeners, library, listener_files, pure_tone_average
from ..errors import CadenzaError
from ..hearing import ear_of
from ..remix import EARS
from .console import JsonOption, guarded, notes, out, settings_of, table
from .root import app

__all__: list[str] = []


@app.command()
def songs(context: typer.Context, json_output: JsonOption = False) -> None:
    """List the songs: the demo, and those of --music, CADENZA_MUSIC or config.toml."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        rows = [_song_row(song) for song in library(settings)]
        listing = table("id", "kind", "length>", "true stems", "split", "genre")
        for row in rows:
            length = (
                "?" if row["duration_s"] is None else f"{row['duration_s'] // 60:.0f}:{row['duration_s'] % 60:04.1f}"
            )
            stems = ", ".join(row["true_stems"]) or "none"
            listing.add_row(row["id"], row["kind"], length, stems, row["split"], row["genre"])
        out(json_output, rows, lambda console: console.print(listing))
        notes([f"{row['id']}: {row['fault']}" for row in rows if row["fault"]])
        if not settings.music and not json_output:
            notes(["only the built-in demo is here; --music FOLDER or CADENZA_MUSIC adds songs"])


def _song_row(song: Song) -> dict[str, Any]:
    fault = ""
    duration = None
    try:
        song.check()
        duration = round(song.duration, 3)
    except CadenzaError as error:
        fault = str(error)
    return {
        "id": song.id,
        "name": song.name,
        "kind": song.kind,
        "duration_s": duration,
        "true_stems": list(song.true_stems),
        "mixture": "mixture" in song.tracks,
        "split": song.split,
        "genre": song.genre,
        "licence": song.licence,
        "fault": fault,
    }


@app.command()
def listeners(context: typer.Context, json_output: JsonOption = False) -> None:
    """List the listeners: the standard audiograms, and those of --listeners or CADENZA_LISTENERS."""
    with guarded(json_output=json_output):
        known = all_listeners(listener_files(settings_of(context)))
        rows = [_listener_row(key, listener) for key, listener in known.items()]
        listing = table("id", "left", "right", "average left (dB HL)>", "average right (dB HL)>")
        for row in rows:
            left, right = row["left"], row["right"]
            averages = (f"{ear['pure_tone_average_db_hl']:.1f}" for ear in (left, right))
            listing.add_row(row["id"], left["severity"].lower(), right["severity"].lower(), *averages)
        out(json_output, rows, lambda console: console.print(listing))


def _listener_row(key: str, listener: Listener) -> dict[str, Any]:
    row: dict[str, Any] = {"id": key, "name": listener.id}
    for side in EARS:
        ear = ear_of(listener, side)
        row[side] = {
            "severity": ear.severity,
            "pure_tone_average_db_hl": round(pure_tone_average(ear), 2),
            "frequencies_hz": ear.frequencies.tolist(),
            "levels_db_hl": ear.levels.tolist(),
        }
    return row
