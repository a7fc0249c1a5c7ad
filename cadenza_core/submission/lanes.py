"""Lanes of an extraction for a user to take away: 32-bit float WAV files and a JSON of what they were made from, in a zip."""

import hashlib
import json
import re
import time
import zipfile
from pathlib import Path

from .. import __version__
from ..audio import RATE
from ..audio.writing import write_audio
from ..catalog import Excerpt, Song
from ..files import atomic_folder
from ..playback import Wish, extracted_lanes
from ..progress import Progress, part, silent
from ..settings import Settings

__all__ = ["export_lanes"]

_UNSAFE = re.compile(r"[^A-Za-z0-9._ -]+")


def export_lanes(
    song: Song, system_id: str, excerpt: Excerpt, wish: Wish, settings: Settings, *, progress: Progress = silent
) -> Path:
    """Write the lanes of a wish as they are at 0 dB: together they are the mix.

    Returns
    -------
    Path
        The zip, in a folder of its own below the exports.

    Raises
    ------
    CadenzaError
        As `extracted_lanes`; if it cannot be written.
    """
    lanes, results, notes = extracted_lanes(song, system_id, settings, excerpt, wish, progress=part(progress, 0.0, 0.7))
    record = {
        "song": song.name,
        "song_id": song.id,
        "excerpt": str(excerpt),
        "system": system_id,
        "model": wish.model.id,
        "requests": [prompt.facts for prompt in wish.prompts],
        "extractions": [result.entry.key for result in results],
        "files": {
            f"{_file_name(wish.labels.get(name, name), number)}.wav": name for number, name in enumerate(lanes, 1)
        },
        "sample_rate": RATE,
        "notes": list(notes),
        "cadenza_studio": __version__,
    }
    text = json.dumps(record, indent=1, sort_keys=True)
    folder = settings.exports / hashlib.sha256(text.encode()).hexdigest()[:32]
    name = f"{_file_name(song.name)} lanes.zip"
    if not (folder / name).is_file():
        with atomic_folder(folder) as temporary, zipfile.ZipFile(temporary / name, "w", zipfile.ZIP_STORED) as bundle:
            for number, (file, lane) in enumerate(record["files"].items()):  # type: ignore[attr-defined]
                progress(0.7 + 0.3 * number / len(lanes), f"writing {file}")
                write_audio(temporary / file, lanes[lane], RATE, subtype="FLOAT")
                bundle.write(temporary / file, file)
                (temporary / file).unlink()
            dated = {**record, "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
            bundle.writestr("record.json", json.dumps(dated, indent=1))
    progress(1.0, "written")
    return folder / name


def _file_name(text: str, number: int = 0) -> str:
    plain = _UNSAFE.sub("_", text).strip(" .")[:60] or "lane"
    return f"{number:02d} {plain}" if number else plain
