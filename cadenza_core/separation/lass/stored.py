"""Extract through the cache: the same song, model and request are computed once.

A result lies in the folder of the separations, as one: ``target.wav``, and for each stem of the separation that it was
taken out of its share, ``<stem>.wav``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...audio import RATE, Stems
from ...catalog import Excerpt, Song
from ...progress import Progress, part, silent
from ...settings import Settings
from ..cache import Cache, CacheEntry, cache_key, check_length
from ..digest import mixture_digest
from ..neural import version_of
from .models import LassModel
from .presence import Presence
from .prompt import Prompt

__all__ = ["TARGET", "StoredExtraction", "find_extraction", "stored_extraction"]

#: Name of the target among the stored sounds.
TARGET = "target"
#: Raised when a change of `extract` or of the network changes results.
_VERSION = 1


@dataclass(frozen=True)
class StoredExtraction:
    """One result.

    Parameters
    ----------
    prompt : Prompt
    entry : CacheEntry
    presence : Presence
    seconds : float
        Time that it took.
    notes : tuple of str
    """

    prompt: Prompt
    entry: CacheEntry
    presence: Presence
    seconds: float
    notes: tuple[str, ...]

    def sounds(self) -> dict[str, np.ndarray]:
        """Read the target and the shares, (2, n) each, float32 at 44.1 kHz."""
        return dict(self.entry.stems())


def _facts(
    song: Song, model: LassModel, prompt: Prompt, settings: Settings, excerpt: Excerpt, stems_key: str
) -> dict[str, Any]:
    """Give all that the result depends on; the stretch of time counts from the excerpt's start."""
    span = None
    if prompt.span is not None:
        stop = prompt.span.stop
        span = [prompt.span.start - excerpt.start, None if stop is None else stop - excerpt.start]
    identity = {"version": _VERSION, "weights": model.fingerprint(settings), "torch": version_of("torch")}
    if model.text == "clap":
        identity["transformers"] = version_of("transformers")
    return {
        "system": f"extract:{model.id}",
        "identity": identity,
        "prompt": {**prompt.facts, "span": span},
        "mixture": mixture_digest(song, excerpt, settings.home / "cache" / "digests"),
        "stems": stems_key,
    }


def find_extraction(
    song: Song, model: LassModel, prompt: Prompt, settings: Settings, excerpt: Excerpt, stems_key: str = ""
) -> StoredExtraction | None:
    """Give what :func:`stored_extraction` has made before, if it is there and whole.

    Raises
    ------
    CadenzaError
        If the model's checkpoint or the song is not there.
    """
    entry = Cache(settings.cache).get(cache_key(_facts(song, model, prompt, settings, excerpt, stems_key)))
    return None if entry is None else _from_entry(prompt, entry)


def stored_extraction(
    song: Song,
    model: LassModel,
    prompt: Prompt,
    settings: Settings,
    excerpt: Excerpt,
    *,
    stems: Callable[[], Mapping[str, np.ndarray]] | None = None,
    stems_key: str = "",
    progress: Progress = silent,
) -> StoredExtraction:
    """Extract what a prompt describes from a song or excerpt, or take it from the cache.

    Parameters
    ----------
    song, model, prompt, settings, excerpt :
    stems : callable, optional
        Gives the stems whose shares are wanted, (2, n) at 44.1 kHz; only called if there is work.
    stems_key : str
        Name of these stems: the key of their separation.
    progress : Progress
        May raise Cancelled; nothing is stored then.

    Raises
    ------
    WeightsMissing
        If the model's files are not there and cannot be fetched.
    CadenzaError
        As `extract`; if the song cannot be read or the cache not written.
    """
    cache = Cache(settings.cache)
    facts = _facts(song, model, prompt, settings, excerpt, stems_key)
    key = cache_key(facts)
    if entry := cache.get(key):
        return _from_entry(prompt, entry)
    import time

    from .extract import extract
    from .loading import load_model

    with cache.claim(key, progress):
        if entry := cache.get(key):  # made while this one waited
            return _from_entry(prompt, entry)
        loaded = load_model(model, settings, part(progress, 0.0, 0.2))
        mixture = song.mixture(excerpt)
        frames = mixture.samples.shape[1]
        check_length(frames, RATE)
        parts = dict(stems()) if stems else {}
        cache.check_room(frames, 1 + len(parts))
        began = time.perf_counter()
        made = extract(loaded, mixture, prompt, stems=parts, excerpt=excerpt, progress=part(progress, 0.2, 0.95))
        seconds = time.perf_counter() - began
        progress(0.95, "storing")
        about = {"song": song.name, "song_id": song.id, "excerpt": str(excerpt), "seconds": round(seconds, 3)}
        about |= {"notes": list(made.notes), "query": prompt.title, "device": settings.device}
        about["presence"] = [_plain(made.presence.strongest), _plain(made.presence.overall)]
        entry = cache.put(facts, Stems({TARGET: made.target, **made.shares}, RATE), about)
    progress(1.0, "stored")
    return _from_entry(prompt, entry)


def _plain(level: float) -> str:
    """Give a level as text: infinity and NaN are no JSON."""
    return repr(float(level))


def _from_entry(prompt: Prompt, entry: CacheEntry) -> StoredExtraction:
    about = entry.manifest["about"]
    presence = Presence(*(float(level) for level in about.get("presence", ("nan", "nan"))))
    return StoredExtraction(prompt, entry, presence, float(about.get("seconds", 0.0)), tuple(about.get("notes", ())))
