"""What all pages and routes share: settings, catalog, sounds, jobs. One of each in the server."""

import functools
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from clarity.utils.audiogram import Listener

from cadenza_core.catalog import Song, all_listeners, demo_song, library, listener_files, standard_listeners
from cadenza_core.catalog.own import with_own
from cadenza_core.errors import CadenzaError
from cadenza_core.files import sweep
from cadenza_core.jobs import Job, Jobs
from cadenza_core.playback import Playable, Sounds, playback_sounds
from cadenza_core.progress import Progress
from cadenza_core.quality import warm_up_aside
from cadenza_core.remix import Presets
from cadenza_core.separation import load_local
from cadenza_core.settings import Settings
from pages.access import person

from .first import first_sound

if TYPE_CHECKING:  # the database's packages are loaded by the pages that need them, not by the studio's first one
    from cadenza_core.analysis import ScoreSource
    from cadenza_core.listening.running import Running

__all__ = [
    "HAAQI_READY",
    "Catalog",
    "Services",
    "services",
]

#: Job after which HAAQI is fast: it is compiled at the first start.
HAAQI_READY = "haaqi-ready"
#: Seconds after which the folders are looked through again.
_FRESH = 20.0


@dataclass(frozen=True)
class Catalog:
    """Songs and listeners as they were found, and a sentence for each place that could not be read."""

    songs: Mapping[str, Song]
    listeners: Mapping[str, Listener]
    durations: Mapping[str, float]
    faults: tuple[str, ...] = field(default=())


class Services:
    """The services of one server."""

    def __init__(self, settings: Settings) -> None:
        load_local(settings)
        self._base = settings
        self.jobs = Jobs(threads=3)
        #: Whole challenges: one after the other, for hours, apart from what pages wait for.
        self.long_jobs = Jobs(threads=1)
        self.sounds: Sounds = playback_sounds(settings)
        self._lock = threading.Lock()
        self._store_lock = threading.Lock()
        self._scores: ScoreSource | None = None
        self._catalogs: dict[str, tuple[float, Catalog]] = {}

    @functools.cached_property
    def standard(self) -> Mapping[str, Listener]:
        """The standard audiograms."""
        return standard_listeners()

    @property
    def scores(self) -> "ScoreSource":
        """The stored scores; the database is opened by who asks first.

        Raises
        ------
        CadenzaError
            If it cannot be opened.
        """
        with self._store_lock:
            if self._scores is None:
                from cadenza_core.analysis import ScoreSource
                from cadenza_core.store import Store

                self._scores = ScoreSource(Store.open(self._base))
            return self._scores

    @functools.cached_property
    def running(self) -> "Running":
        """The listening tests that participants take."""
        from cadenza_core.listening.running import Running

        return Running(self.scores.store, self._base)

    @property
    def settings(self) -> Settings:
        """The settings, with what the user has added; on a page, those of the person who looks at it."""
        who = person()
        return with_own(replace(self._base, person=who.digest if who else ""))

    @property
    def presets(self) -> Presets:
        """The presets of the person who looks at the page."""
        return Presets(self.settings.own / "presets")

    def warm_up(self, making: "subprocess.Popen[bytes] | None" = None) -> Job:
        """Make what the first page shows: the demo song (a process may do so already) and its excerpt. Give the job of it."""
        work = functools.partial(self._warm_up, making)
        job = self.jobs.submit("warm-up", "Preparing the demo song", work, urgency=0)
        self.jobs.submit(HAAQI_READY, "Preparing HAAQI", self._warm_up_haaqi, urgency=1)
        return job

    def _warm_up(self, making: "subprocess.Popen[bytes] | None", progress: Progress) -> Playable:
        while making is not None and making.poll() is None:
            progress(0.02, "playing the demo song's instruments")
            time.sleep(0.02)
        return first_sound(self._base, progress)

    def _warm_up_haaqi(self, progress: Progress) -> None:
        self.jobs.wait("warm-up", 60.0)
        for _ in range(40):  # the first sound comes first: the page fetches and decodes it now
            progress(0.0, "waiting for the first sound")
            time.sleep(0.1)
        warm_up_aside(progress)
        self.jobs.submit("scores-ready", "Preparing the score pages", self._warm_up_scores, urgency=9)

    def _warm_up_scores(self, progress: Progress) -> None:
        """Sweep, load the packages of the score pages, and the stored scores if there are any: last of all."""
        sweep(self._base.home)
        import cadenza_core.analysis.figures  # noqa: F401

        progress(0.5, "reading the stored scores")
        if Path(self._base.database_url.removeprefix("sqlite:///")).is_file():
            for name in self.scores.store.evaluation_sets()[:1]:
                self.scores.table(name)

    def catalog(self, *, fresh: bool = False) -> Catalog:
        """Give all songs and listeners, looked for anew if the last look was a while ago."""
        settings = self.settings
        with self._lock:
            now = time.monotonic()
            found = self._catalogs.get(settings.person)
            if fresh:  # what one adds, others may see too
                self._catalogs.clear()
            if fresh or found is None or now - found[0] > _FRESH:
                found = self._catalogs[settings.person] = (now, _look(settings))
            return found[1]


def _look(settings: Settings) -> Catalog:
    faults: list[str] = []
    try:
        songs = library(settings)
    except CadenzaError as error:  # one bad folder must not hide the demo song
        faults.append(str(error))
        songs = [demo_song(settings), *_one_by_one(settings)]
    try:
        listeners = all_listeners(listener_files(settings))
    except CadenzaError as error:
        faults.append(str(error))
        listeners = all_listeners(())
    durations = {}
    for song in songs:
        try:
            durations[song.id] = song.duration
        except CadenzaError:
            durations[song.id] = 0.0
    return Catalog({song.id: song for song in songs}, listeners, durations, tuple(faults))


def _one_by_one(settings: Settings) -> list[Song]:
    from cadenza_core.catalog import songs_in

    found: list[Song] = []
    for place in settings.music:
        try:
            found += songs_in(place)
        except CadenzaError:
            continue
    return found


@functools.cache
def services() -> Services:
    """Give the services of this server, made at the first call."""
    return Services(Settings.load())
