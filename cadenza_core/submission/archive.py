"""Files for a user to take away: the current mix with its settings, and one pair's submission files as a zip."""

import hashlib
import json
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from clarity.utils.audiogram import Listener

from .. import __version__
from ..audio import RATE
from ..audio.writing import write_audio
from ..catalog import Excerpt, Song
from ..errors import CadenzaError
from ..files import atomic_folder
from ..hearing import get_prescription
from ..playback import Wish, extracted_lanes, fitted_stems
from ..progress import Progress, part, silent
from ..remix import MixSettings, mixdown
from ..separation import separate
from ..settings import Settings
from .export import export_pair
from .pack import pack

__all__ = ["FORMATS", "MixExport", "export_mix", "export_zip"]

#: Formats of a mix: file ending -> libsndfile's subtype.
FORMATS = {"wav": "FLOAT", "flac": "PCM_24"}
_TEAM = "STUDIO"


@dataclass(frozen=True)
class MixExport:
    """A mix written to disk: the sound, the JSON of its settings, and what a user should know."""

    sound: Path
    record: Path
    notes: tuple[str, ...]


def export_mix(
    song: Song,
    listener: Listener | None,
    system_id: str,
    excerpt: Excerpt,
    mix: MixSettings,
    settings: Settings,
    *,
    kind: str = "wav",
    wish: Wish | None = None,
    progress: Progress = silent,
) -> MixExport:
    """Write the mix exactly as the mixer plays it, and a JSON of everything it was made from.

    With a `wish`, its lanes are mixed: what was extracted by description, and what is left.

    WAV holds 32-bit floats, so that nothing is cut off; FLAC 24 bits.

    Raises
    ------
    CadenzaError
        If the kind is unknown, or as `separate` and `mixdown`.
    """
    if kind not in FORMATS:
        raise CadenzaError(f"A mix is exported as {' or '.join(FORMATS)}, not {kind!r}.")
    result = separate(song, system_id, settings, excerpt, progress=part(progress, 0.0, 0.3))
    truth = song.stems(excerpt) if song.has_stems else None
    original = song.mixture(excerpt).samples
    about: dict[str, object] = {}
    extra: tuple[str, ...] = ()
    if wish is None:
        stems = fitted_stems(result, original.shape[1])
    else:
        rest = part(progress, 0.3, 0.6)
        stems, results, extra = extracted_lanes(song, system_id, settings, excerpt, wish, progress=rest)
        about = {"model": wish.model.id, "requests": [prompt.facts for prompt in wish.prompts]}
        about |= {"extractions": [one.entry.key for one in results], "lanes": wish.labels, "one_rest": wish.one_rest}
    progress(0.6, "mixing")
    mixed = mixdown(mix, RATE, stems, original, truth=truth, listener=listener, progress=part(progress, 0.6, 0.95))
    notes = [*result.notes, *extra]
    if kind == "flac" and mixed.levels.clipped:
        notes.append(
            f"{mixed.levels.clipped} samples are beyond full scale and cut off in the FLAC file; WAV keeps them"
        )
    record = {
        "song": song.name,
        "song_id": song.id,
        "excerpt": str(excerpt),
        "listener": _listener_record(listener),
        "system": system_id,
        "separation": result.key,
        "extraction": about or None,
        "settings": mix.as_mixer(),
        "prescription": get_prescription(mix.prescription).record() if "aided" in mix.hear else None,
        "calibration_db_spl": mix.calibration_db_spl,
        "simulation": _simulation_record(mix),
        "sample_rate": RATE,
        "format": FORMATS[kind],
        "matched_db": round(mixed.matched_db, 3),
        "limiter_reduction_db": round(mixed.limited_db, 3),
        **mixed.levels.as_dict(),
        "notes": notes,
        "cadenza_studio": __version__,
    }
    text = json.dumps(record, indent=1, ensure_ascii=True, sort_keys=True)
    folder = settings.exports / hashlib.sha256(text.encode()).hexdigest()[:32]
    name = _file_name(f"{song.name} {listener.id if listener and 'aided' in mix.hear else mix.hear}")
    if not folder.is_dir():
        with atomic_folder(folder) as temporary:
            write_audio(temporary / f"{name}.{kind}", mixed.samples, RATE, subtype=FORMATS[kind])
            dated = {**record, "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
            (temporary / f"{name}.json").write_text(json.dumps(dated, indent=1), encoding="utf-8")
    progress(1.0, "written")
    return MixExport(folder / f"{name}.{kind}", folder / f"{name}.json", tuple(notes))


def export_zip(
    song: Song, listener: Listener, system_id: str, mix: MixSettings, settings: Settings, progress: Progress = silent
) -> Path:
    """Write the submission files of one song and listener, the whole song, and pack them.

    Raises
    ------
    CadenzaError
        As `export_pair` and `pack`.
    """
    facts = json.dumps([song.id, system_id, mix.as_mixer(), _listener_record(listener), time.time()])
    folder = settings.exports / hashlib.sha256(facts.encode()).hexdigest()[:32]
    with atomic_folder(folder) as temporary:
        export_pair(
            song,
            listener,
            system_id,
            settings,
            temporary,
            gains=mix.gains,
            prescription=mix.prescription,
            progress=part(progress, 0.0, 0.95),
        )
        pack(temporary / "enhanced_signals", _TEAM, temporary, progress=part(progress, 0.95, 1.0))
        shutil.rmtree(temporary / "enhanced_signals")
    return next(folder.glob("*.zip"))


def _simulation_record(mix: MixSettings) -> dict[str, object] | None:
    if mix.is_rendered_simulation:
        return {"model": "MSBG (pyclarity)", "ears": ["left", "right"]}
    return {"model": "live approximation of MSBG", "ears": list(mix.simulated_ears)} if mix.simulated_ears else None


def _listener_record(listener: Listener | None) -> dict[str, object] | None:
    if listener is None:
        return None
    ears = {"left": listener.audiogram_left, "right": listener.audiogram_right}
    levels = {side: {"hz": ear.frequencies.tolist(), "db_hl": ear.levels.tolist()} for side, ear in ears.items()}
    return {"name": listener.id, **levels}


def _file_name(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._ -]+", "_", text).strip(" .") or "mix"
    return plain[:80]
