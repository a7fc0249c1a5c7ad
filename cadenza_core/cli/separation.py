"""``cadenza separate`` and ``cadenza cache``; the weights are in ``cadenza models``."""

import re
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..audio import STEMS, write_audio
from ..audio.levels import measure
from ..catalog import find_song
from ..errors import CadenzaError
from ..folders import folder_size, made_folders, prune_folders
from ..quality import stem_sdr
from ..separation import Cache, CacheEntry, separate
from ..settings import Settings
from .console import ExcerptOption, JsonOption, guarded, notes, out, parse_excerpt, progress, settings_of, table
from .root import app

__all__: list[str] = []

SongOption = Annotated[str, typer.Option(help="Catalog id, or path of a song's folder or file.")]
SystemOption = Annotated[str, typer.Option(help="Separation system (`cadenza models`).")]


@app.command(name="separate")
def separate_command(
    context: typer.Context,
    song: SongOption,
    system: SystemOption = "preview",
    excerpt: ExcerptOption = None,
    to: Annotated[Path | None, typer.Option("--out", help="Folder for the stems (WAV, 32-bit float).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Separate again even if it is cached.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Separate a song into vocals, drums, bass and other; SDR where the true stems are known."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        found, part = find_song(song, settings), parse_excerpt(excerpt)
        with progress(f"Separating {found.id}") as show:
            result = separate(found, system, settings, part, progress=show, force=force)
        stems = result.stems
        scores = stem_sdr(stems, found.stems(part)) if found.has_stems else {}
        rows = {
            name: {"sdr_db": scores.get(name), **measure(samples, stems.rate).as_dict()}
            for name, samples in stems.items()
        }
        if to:
            for name, samples in stems.items():
                write_audio(to / f"{name}.wav", samples, stems.rate, subtype="FLOAT")
        data = {
            "song": found.id,
            "excerpt": str(part),
            "system": system,
            "key": result.key,
            "cached": result.was_cached,
            "seconds": result.seconds,
            "sample_rate": stems.rate,
            "samples": stems.length,
            "stems": rows,
            "notes": list(result.notes),
        }
        listing = table("stem", "SDR (dB)>", "peak (dBFS)>", "loudness (LUFS)>")
        for name in STEMS:
            row = rows[name]
            listing.add_row(name, *(_number(row[key]) for key in ("sdr_db", "peak_dbfs", "loudness_lufs")))
        out(json_output, data, lambda console: console.print(listing))
        notes(result.notes)
        if not json_output:
            came = "from the cache" if result.was_cached else f"separated in {result.seconds:.1f} s"
            notes([f"{came}; {'written to ' + str(to) if to else 'stems are in the cache, --out FOLDER writes them'}"])


def _number(value: float | int | None) -> str:
    return "-" if value is None else f"{value:.2f}"


cache_app = typer.Typer(help="Show, verify and prune the cache of separations.", invoke_without_command=True)
app.add_typer(cache_app, name="cache")


@cache_app.callback()
def cache_show(context: typer.Context, json_output: JsonOption = False) -> None:
    """Show what is cached."""
    if context.invoked_subcommand:
        return
    with guarded(json_output=json_output):
        cache = Cache(settings_of(context).cache)
        rows = [_cache_row(entry) for entry in cache.entries()]
        listing = table("key", "song", "excerpt", "system", "MB>", "last used", "fault")
        for row in rows:
            used = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["used"]))
            size = f"{row['bytes'] / 1e6:.1f}"
            listing.add_row(row["key"][:12], row["song"], row["excerpt"], row["system"], size, used, row["fault"])
        total = sum(row["bytes"] for row in rows)
        others = {kind: _held(place) for kind, place in _places(settings_of(context)).items()}
        data = {"folder": str(cache.folder), "bytes": total, "separations": rows, **others}
        out(json_output, data, lambda console: console.print(listing) if rows else None)
        if not json_output:
            notes([f"{len(rows)} separations, {total / 1e6:.1f} MB, in {cache.folder}"])
            for kind, held in others.items():
                notes([f"{held['count']} {_TITLES[kind]}, {held['bytes'] / 1e6:.1f} MB, in {held['folder']}"])


def _places(settings: Settings) -> dict[str, Path]:
    return {"sounds": settings.sounds, "exports": settings.exports}


#: What is kept beside separations.
_TITLES = {"sounds": "sets of sounds for the pages", "exports": "exports of the Studio"}


def _held(place: Path) -> dict[str, Any]:
    folders = made_folders(place)
    return {"folder": str(place), "count": len(folders), "bytes": sum(map(folder_size, folders))}


def _cache_row(entry: CacheEntry, *, thorough: bool = False) -> dict[str, Any]:
    fault = entry.fault(thorough=thorough)
    try:
        about, facts, used = entry.manifest["about"], entry.manifest["facts"], entry.used()
    except (CadenzaError, OSError):
        about, facts, used = {}, {}, 0.0
    texts = {"song": about.get("song", "?"), "excerpt": about.get("excerpt", "?"), "system": facts.get("system", "?")}
    return {"key": entry.key, **texts, "bytes": entry.size(), "used": used, "fault": fault}


@cache_app.command()
def verify(
    context: typer.Context,
    remove: Annotated[bool, typer.Option("--remove", help="Delete what is damaged.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Check every cached file against its digest; exit status 1 if one is damaged and not removed."""
    with guarded(json_output=json_output):
        cache = Cache(settings_of(context).cache)
        entries, rows = cache.entries(), []
        with progress("Verifying") as show:
            for number, entry in enumerate(entries):
                show(number / len(entries), entry.key[:12])
                row = _cache_row(entry, thorough=True)
                rows.append({**row, "removed": bool(row["fault"] and remove and cache.remove(entry))})
        bad = [row for row in rows if row["fault"]]

        def show_faults(console: Any) -> None:
            for row in bad:
                console.print(f"{row['key'][:12]} {row['song']}: {row['fault']}{', removed' if row['removed'] else ''}")
            console.print(f"{len(rows)} separations checked, {len(bad)} damaged")

        out(json_output, {"checked": len(rows), "damaged": bad}, show_faults)
        if any(not row["removed"] for row in bad):
            raise typer.Exit(1)


@cache_app.command()
def prune(
    context: typer.Context,
    max_size: Annotated[str | None, typer.Option(help="Keep at most this much, such as 500MB or 20GB.")] = None,
    max_age: Annotated[float | None, typer.Option(help="Delete what was not used for this many days.", min=0)] = None,
    kind: Annotated[
        Literal["separations", "sounds", "exports"],
        typer.Option("--of", help="What to delete: separations, the pages' sounds, or what was exported for download."),
    ] = "separations",
    json_output: JsonOption = False,
) -> None:
    """Delete the least recently used separations, by size or by age; or the pages' sounds, or exports.

    All but exports is made again when it is wanted; of exports, whoever made them has what was downloaded.
    """
    with guarded(json_output=json_output):
        if max_size is None and max_age is None:
            raise CadenzaError("Say what may go: --max-size 20GB, --max-age 30 (days), or both.")
        limit = None if max_size is None else _bytes(max_size)
        seconds = None if max_age is None else max_age * 86400
        settings = settings_of(context)
        if kind == "separations":
            removed = [entry.key for entry in Cache(settings.cache).prune(max_bytes=limit, max_age=seconds)]
        else:
            gone = prune_folders(_places(settings)[kind], max_bytes=limit, max_age=seconds)
            removed = [folder.name for folder in gone]
        words = _TITLES.get(kind, kind)
        out(json_output, {"removed": removed}, lambda console: console.print(f"{len(removed)} {words} deleted"))


def _bytes(text: str) -> int:
    match = re.fullmatch(r"\s*([0-9.]+)\s*([KMGT]?)B?\s*", text, re.IGNORECASE)
    try:
        if not match:
            raise ValueError
        return int(float(match[1]) * 1000 ** " KMGT".index(match[2].upper() or " "))
    except ValueError:
        raise CadenzaError(f"The size {text!r} is not of the form 500MB or 20GB.") from None
