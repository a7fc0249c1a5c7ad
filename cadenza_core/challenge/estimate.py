"""What a run will need, before it begins: files, bytes, time. And how far one has come.

Times are of one core (AMD EPYC, `benchmarks/challenge.py`) for each second of one pair's sound; a run that goes on tells
better, and `Status` then counts with its own times. The size of a stem is what FLAC makes of 16 bits at full scale: the
published evaluation set of 2,597 pairs is 21 to 23 GB, 0.60 to 0.66 of its PCM samples.
"""

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import parse_json
from ..remix import EARS
from ..settings import Settings
from .folder import RunFolder
from .plan import Plan
from .tasks import Separate

__all__ = ["Estimate", "Status", "estimate", "scoring_seconds", "status_of", "time_in_words"]

#: Share of its PCM samples that a FLAC file of a submission takes.
_FLAC = 0.66
#: Core-seconds for a second of one pair: eight stems and the remix written; eight stems scored; the same by pyclarity.
_ENHANCE, _SCORE, _SCORE_BY_PYCLARITY = 0.008, 0.13, 6.2
_BYTES = 4 * 2 * 4  # of a sample of four stereo stems in the cache
_SCALES = 8 * 20  # bytes of the scale files
#: Two places with as many free bytes, but for what others write meanwhile, are on one disk.
_SAME_DISK = 10_000_000


@dataclass(frozen=True)
class Estimate:
    """What a run needs.

    Parameters
    ----------
    pairs, songs, files : int
    results, cache : int
        Bytes of the results, and of separations that are not in the cache yet.
    free, cache_free : int
        Bytes that are free where they go; the same disk where the numbers are equal.
    seconds : float
        On `workers` cores, without separation; `separation` is NaN where nothing is known of the system's speed.
    """

    pairs: int
    songs: int
    files: int
    results: int
    cache: int
    free: int
    cache_free: int
    seconds: float
    separation: float
    workers: int

    @property
    def fits(self) -> bool:
        """Whether there is room, as far as can be told."""
        if abs(self.free - self.cache_free) < _SAME_DISK:
            return self.results + self.cache <= self.free
        return self.results <= self.free and self.cache <= self.cache_free

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {
            "pairs": self.pairs,
            "songs": self.songs,
            "files": self.files,
            "bytes": self.results,
            "cache_bytes": self.cache,
            "free_bytes": self.free,
            "cache_free_bytes": self.cache_free,
            "seconds": round(self.seconds, 1),
            "separation_seconds": None if math.isnan(self.separation) else round(self.separation, 1),
            "workers": self.workers,
            "fits": self.fits,
        }


def estimate(plan: Plan, settings: Settings, workers: int) -> Estimate:
    """Estimate a run's whole need, whatever of it is done already.

    Parameters
    ----------
    workers : int
        Cores that work at once.
    """
    pairs = sum(len(group.units) for group in plan.groups)
    seconds = sum(group.seconds * len(group.units) for group in plan.groups)
    if plan.kind == "evaluate":
        each = _SCORE if plan.facts.get("engine") == "fast" else _SCORE_BY_PYCLARITY
        free = _free(plan.folder.path)
        size = 1000 * pairs  # journal and table
        return Estimate(pairs, len(plan.groups), 1, size, 0, free, free, each * seconds / workers, 0.0, workers)
    sources = [group.prepare.source for group in plan.groups if isinstance(group.prepare, Separate)]
    lengths = [source.song.duration for source in sources]
    speed = _separation_speed(settings, str(plan.facts["system"]), lengths)
    return Estimate(
        pairs,
        len(plan.groups),
        plan.files,
        int(_FLAC * plan.pcm) + _SCALES * pairs,
        int(sum(lengths) * 44100 * _BYTES),
        _free(plan.folder.path),
        _free(settings.cache),
        _ENHANCE * seconds / workers,
        speed * sum(lengths) / max(1, min(workers, len(lengths))) if lengths else 0.0,
        workers,
    )


def scoring_seconds(plan: Plan, workers: int) -> float:
    """Estimate the time to score what a plan writes, on so many cores."""
    return _SCORE * sum(group.seconds * len(group.units) for group in plan.groups) / workers


def _separation_speed(settings: Settings, system_id: str, lengths: list[float]) -> float:
    """Give how long a second of song took this system here, from what is in the cache; NaN: unknown."""
    took, sound = 0.0, 0.0
    for path in list(settings.cache.glob("*/manifest.json"))[:200] if settings.cache.is_dir() else []:
        try:
            manifest = parse_json(path.read_text(encoding="utf-8"))
            if manifest["facts"]["system"] == system_id and manifest["frames"] > 5 * manifest["rate"]:
                took += float(manifest["about"]["seconds"])
                sound += manifest["frames"] / manifest["rate"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return took / sound if sound else math.nan


def _mean(results: Sequence[Mapping[str, Any]]) -> float:
    """Give the mean score of results: of each the mean of its stems or ears."""
    means = []
    for result in results:
        scores = result.get("haaqi", {}).values() or [result[ear] for ear in EARS if ear in result]
        known = [score for score in scores if score is not None]
        means += [sum(known) / len(known)] if known else []
    return sum(means) / len(means) if means else math.nan


def time_in_words(seconds: float) -> str:
    """Say how long something takes."""
    if math.isnan(seconds):
        return "not known how long"
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h" if seconds < 172800 else f"about {seconds / 86400:.1f} days"


def _free(path: Path) -> int:
    """Give the bytes that are free where `path` is or will be."""
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return 0


@dataclass(frozen=True)
class Status:
    """How far a run has come.

    Parameters
    ----------
    kind, about, facts :
        As of its plan.
    total, done, left : int
    failed : mapping of (str, str) to str
        Why.
    running : mapping of (str, str) to float
        Since when, s since 1970.
    preparing : tuple of str
        Songs that are being separated.
    is_active : bool
        Whether a process works on it now.
    seconds_left : float
        NaN: not known.
    share : float
        0 to 1.
    results : int
        Bytes that its results take so far.
    mean : float
        Mean score of what is scored; NaN: nothing is.
    notes : tuple of str
    """

    kind: str
    about: Mapping[str, Any]
    facts: Mapping[str, Any]
    total: int
    done: int
    left: int
    failed: Mapping[tuple[str, str], str]
    running: Mapping[tuple[str, str], float]
    preparing: tuple[str, ...]
    is_active: bool
    seconds_left: float
    share: float
    results: int
    mean: float = math.nan
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {
            "kind": self.kind,
            **{name: self.facts.get(name) for name in ("form", "set", "system") if name in self.facts},
            **self.about,
            "total": self.total,
            "done": self.done,
            "left": self.left,
            "failed": [
                {"song": song, "listener": listener, "why": why} for (song, listener), why in self.failed.items()
            ],
            "running": [{"song": song, "listener": listener} for song, listener in self.running],
            "preparing": list(self.preparing),
            "active": self.is_active,
            "seconds_left": None if math.isnan(self.seconds_left) else round(self.seconds_left, 1),
            "share": round(self.share, 6),
            "bytes": self.results,
            "mean_score": None if math.isnan(self.mean) else self.mean,
            "notes": list(self.notes),
        }


def status_of(folder: RunFolder) -> Status:
    """Read how far the run of a folder has come; does not disturb it.

    Raises
    ------
    CadenzaError
        If there is no run.
    """
    plan, journal = folder.plan(), folder.journal()
    weights = {tuple(key): float(group["seconds"]) for group in plan["groups"] for key in group["keys"]}
    done = {key: event for key, event in journal.done.items() if key in weights}
    failed = {key: why for key, why in journal.failed.items() if key in weights}
    active = folder.is_active()
    running = {key: since for key, since in journal.running.items() if active and key in weights}
    total = sum(weights.values()) or 1.0
    over = sum(weights[key] for key in (*done, *failed))
    since = [event for event in done.values() if event["at"] >= journal.started and not event.get("found")]
    left = math.nan
    if len(since) >= 2 and active:
        took = journal.last["at"] - journal.started
        left = (total - over) * took / sum(weights[tuple(event["pair"])] for event in since)
    return Status(
        plan["kind"],
        plan["about"],
        plan["facts"],
        len(weights),
        len(done),
        len(weights) - len(done) - len(failed),
        failed,
        running,
        tuple(journal.preparing) if active else (),
        active,
        0.0 if over >= total else left,
        min(1.0, over / total),
        sum(int(event["result"].get("bytes", 0)) for event in done.values()),
        _mean([event["result"] for event in done.values()]),
        (f"{journal.unreadable} lines of the journal are damaged",) if journal.unreadable else (),
    )
