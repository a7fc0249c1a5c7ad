"""ICASSP 2024 as plans: remixes with target gains for hearing aids, and their HAAQI in each ear.

The recipe is pyclarity 0.9.0's recipes/cad_icassp_2024/baseline (enhance.py, evaluate.py): each stem is raised by its gain
relative to its own loudness (ITU-R BS.1770), the sum is brought to the mixture's loudness, amplified with NAL-R for each
ear, and written at 32 kHz as ``<scene>_<listener>_remix.flac``. It is scored against the same made of the true stems.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from clarity.utils.audiogram import Listener

from .. import __version__
from ..audio import RATE, resample
from ..catalog import Song
from ..errors import CadenzaError
from ..files import atomic_file, check_name
from ..hearing import Compressor, amplify, ear_of, nalr_filter
from ..quality import HaaqiPair, engine_by_name, reference_level
from ..quality.scores import HAAQI_RATE, ORDER, score_named
from ..remix import EARS
from ..separation import separate
from ..settings import Settings
from ..submission import REMIX_RATE
from ..submission.layout import ENHANCED
from ..submission.read import read_remix
from ..submission.write import write_remix
from .folder import RunFolder
from .pairs import TOLERANCE
from .plan import Group, Plan, Unit, ear_facts, results_folder, songs_at_once, usable_system
from .run import new_token
from .scenes import Scene, SceneSet
from .tasks import Place, Separate, Source, Unfit, check_version, compile_haaqi, hold, state_of

__all__ = ["COLUMNS", "enhance_scenes_plan", "evaluate_scenes_plan", "remix_name", "scene_table"]

#: Header of the recipe's `scores.csv`.
COLUMNS = ("scene", "song", "listener", "left_score", "right_score", "score")
#: What the recipe takes for the loudness of silence, LUFS.
_SILENCE = -80.0


def remix_name(scene: str, listener_id: str) -> str:
    """Give the name of a remix."""
    return check_name(f"{scene}_{listener_id}_remix.flac", "remix")


class _Music:
    """A song's stems and mixture, each with its loudness, and the remix of the last gains.

    Parameters
    ----------
    stems : mapping of str to np.ndarray [shape=(n, 2)]
        In the order of the sum.
    mixture : np.ndarray [shape=(n, 2)]
    """

    def __init__(self, stems: Mapping[str, np.ndarray], mixture: np.ndarray, rate: int) -> None:
        import pyloudnorm

        self.rate = rate
        self._meter = pyloudnorm.Meter(rate)
        self._normalise = pyloudnorm.normalize.loudness
        self._stems = {name: (samples, self._loudness(samples)) for name, samples in stems.items()}
        self._target = self._loudness(mixture)
        self._last: tuple[dict[str, float], np.ndarray] | None = None

    def _loudness(self, samples: np.ndarray) -> float:
        loudness = float(self._meter.integrated_loudness(samples))
        return _SILENCE if loudness == -np.inf else loudness

    def remix(self, gains: Mapping[str, float]) -> np.ndarray:
        """Give the remix, shape (n, 2), float64, at the mixture's loudness."""
        if self._last is None or self._last[0] != dict(gains):
            total = np.zeros(next(iter(self._stems.values()))[0].shape)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Possible clipped samples in output")
                for name, (samples, loudness) in self._stems.items():
                    total += self._normalise(samples, np.float64(loudness), np.float64(loudness + gains[name]))
                loudness = self._loudness(total)
                # As the recipe rounds: the difference is added to the loudness again.
                target = np.float64(loudness) + (self._target - np.float64(loudness))
                self._last = dict(gains), self._normalise(total, np.float64(loudness), target)
        return self._last[1]


@dataclass(frozen=True)
class EnhanceScene:
    """Write the remix of one scene and listener."""

    place: Place
    source: Source
    scene: str
    gains: Mapping[str, float]
    listener: Listener
    folder: Path
    compressor: Compressor | None = None
    soft_clip: bool = False
    version: str = __version__

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"{self.scene} for {self.listener.id}"

    def ready(self) -> None:
        """Raise `Unfit` if this process lacks something."""
        Separate(self.place, self.source, self.version).ready()

    def run(self) -> dict[str, Any]:
        """Do it."""
        source = self.source

        def make() -> _Music:
            made = separate(source.song, source.system_id, source.settings)
            mixture = source.song.mixture().samples.T.astype(np.float64)
            return _Music({name: stem.T for name, stem in made.stems.items()}, mixture, made.stems.rate)

        music = hold((self.place.token, "music", source.system_id, source.song.id), make)
        remix = music.remix(self.gains)
        ears = []
        for column, ear in enumerate(EARS):
            out = amplify(remix[:, column], nalr_filter(ear_of(self.listener, ear), music.rate))
            ears.append(out if self.compressor is None else self.compressor(out))
        path = self.folder / remix_name(self.scene, self.listener.id)
        _, clipped, _ = write_remix(path, ears, music.rate, soft_clip=self.soft_clip)
        return {"bytes": path.stat().st_size, "beyond_full_scale": clipped, "notes": []}


@dataclass(frozen=True)
class ScoreScene:
    """Score the remix of one scene and listener."""

    place: Place
    song: Song
    scene: str
    gains: Mapping[str, float]
    listener: Listener
    folder: Path
    engine: str = "fast"
    version: str = __version__

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"{self.scene} for {self.listener.id}"

    def ready(self) -> None:
        """Raise `Unfit` if this process lacks something."""
        check_version(self.version)
        self.place.check()
        if not self.folder.is_dir():
            raise Unfit(f"a worker does not see the results: there is no folder {self.folder}.")

    def run(self) -> dict[str, Any]:
        """Do it."""
        path = self.folder / remix_name(self.scene, self.listener.id)
        state = state_of([path])
        heard, rate = read_remix(path)

        def make() -> _Music:
            self.song.check()
            stems = {name: self.song.stem(name).T.astype(np.float64) for name in ORDER}
            return _Music(stems, self.song.mixture().samples.T.astype(np.float64), RATE)

        reference = hold((self.place.token, "true music", self.song.id), make).remix(self.gains)
        if rate != REMIX_RATE or abs(heard.shape[1] / rate - len(reference) / RATE) > TOLERANCE:
            raise CadenzaError(
                f"{path} lasts {heard.shape[1] / rate:.2f} s at {rate} Hz; {len(reference) / RATE:.2f} s at {REMIX_RATE} Hz "
                "are needed."
            )
        if self.engine == "fast":
            compile_haaqi()
        pairs = self._pairs(heard, rate, reference)
        scores, _ = score_named(self.scene, pairs, len(EARS), engine=engine_by_name(self.engine), threads=1)
        return {**scores, "song": self.song.name, "files": state, "notes": []}

    def _pairs(self, heard: np.ndarray, rate: int, reference: np.ndarray) -> Iterator[tuple[str, HaaqiPair]]:
        for column, ear in enumerate(EARS):
            audiogram = ear_of(self.listener, ear)
            amplified = amplify(reference[:, column], nalr_filter(audiogram, RATE))
            target = resample(amplified, RATE, HAAQI_RATE)
            processed = resample(heard[column], rate, HAAQI_RATE)
            level = reference_level(reference[:, column])
            yield ear, HaaqiPair(processed, target, HAAQI_RATE, HAAQI_RATE, audiogram, 2, level)


def enhance_scenes_plan(
    data: SceneSet, system_id: str, out: Path, settings: Settings, *, compressor: bool = False, soft_clip: bool = False
) -> Plan:
    """Plan the remixes of a set: ``out/enhanced_signals/<scene>_<listener>_remix.flac``.

    Raises
    ------
    CadenzaError
        As :func:`~.cad1.enhance_plan`.
    """
    system = usable_system(system_id, settings)
    folder = out / ENHANCED
    run_folder = results_folder(out, folder)
    place = Place(data.root.absolute(), run_folder.path.absolute(), new_token())
    groups = []
    for song, scenes in _by_song(data).items():
        source = Source(scenes[0].song, system_id, settings)
        aid = Compressor() if compressor else None
        units = tuple(
            Unit(
                (scene.id, listener.id),
                EnhanceScene(place, source, scene.id, scene.gains, listener, folder.absolute(), aid, soft_clip),
            )
            for scene in scenes
            for listener in scene.listeners
        )
        prepare = Separate(place, source) if source.is_kept else None
        groups.append(Group(song, round(scenes[0].song.duration, 3), prepare, units))
    facts = {
        "form": "icassp2024",
        "set": data.name,
        "system": system_id,
        "version of the system": dict(system.identity()),
        "compressor": Compressor().settings() if compressor else None,
        "soft clip": soft_clip,
    }
    count = sum(len(group.units) for group in groups)
    return Plan(
        "enhance",
        run_folder,
        facts,
        _each(data),
        tuple(groups),
        found=lambda key: (folder / remix_name(*key)).is_file(),
        is_stale=lambda key, _: not (folder / remix_name(*key)).is_file(),
        place=lambda _: folder,
        preparing=songs_at_once(settings),
        about={"data": str(data.root), "results": str(folder)},
        files=count,
        pcm=sum(len(group.units) * group.seconds * 2 * 2 * REMIX_RATE for group in groups),
    )


def evaluate_scenes_plan(data: SceneSet, enhanced: Path, csv: Path, *, engine: str = "fast") -> Plan:
    """Plan the scores of a set's remixes.

    Raises
    ------
    CadenzaError
        If there are no results, or songs lack true stems.
    """
    if csv.suffix.lower() != ".csv":
        raise CadenzaError(f"The score table {csv} must end with .csv.")
    folder = enhanced / ENHANCED if (enhanced / ENHANCED).is_dir() else enhanced
    if not folder.is_dir():
        raise CadenzaError(f"There is no folder {enhanced}. Give the one that `enhance --out` wrote to.")
    run_folder = RunFolder(csv.with_name(f"{csv.stem}.challenge"))
    place = Place(data.root.absolute(), run_folder.path.absolute(), new_token())
    groups = []
    for song, scenes in _by_song(data).items():
        if not scenes[0].song.has_stems:
            raise CadenzaError(f"{song!r} lacks true stems: {', '.join(ORDER)} are needed. Complete the data.")
        units = tuple(
            Unit(
                (scene.id, listener.id),
                ScoreScene(place, scene.song, scene.id, scene.gains, listener, folder.absolute(), engine),
            )
            for scene in scenes
            for listener in scene.listeners
        )
        groups.append(Group(song, round(scenes[0].song.duration, 3), None, units))
    facts = {"form": "icassp2024", "set": data.name, "engine": engine, "folder of the results": str(folder.absolute())}

    def is_stale(key: tuple[str, str], event: Mapping[str, Any]) -> bool:
        return bool(event["result"].get("files") != state_of([folder / remix_name(*key)]))

    about = {"data": str(data.root), "results": str(folder), "scores": str(csv)}
    return Plan("evaluate", run_folder, facts, _each(data), tuple(groups), is_stale=is_stale, about=about)


def _by_song(data: SceneSet) -> dict[str, list[Scene]]:
    songs: dict[str, list[Scene]] = {}
    for scene in data.scenes:
        songs.setdefault(scene.song.name, []).append(scene)
    return songs


def _each(data: SceneSet) -> dict[str, dict[str, Any]]:
    return {
        "audiograms": {listener.id: ear_facts(listener) for _, listener in data.pairs},
        "gains": {scene.id: dict(scene.gains) for scene in data.scenes},
    }


def scene_table(data: SceneSet, folder: RunFolder, csv: Path) -> int:
    """Write the scores that a journal has, in the recipe's order and columns; give their number.

    Raises
    ------
    CadenzaError
        If the table cannot be written.
    """
    import csv as tables

    done = folder.journal().done
    made = folder.path / "scores.csv"
    count = 0
    with atomic_file(made) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = tables.writer(file)
        writer.writerow(COLUMNS)
        for scene, listener in data.pairs:
            if event := done.get((scene.id, listener.id)):
                left, right = event["result"]["left"], event["result"]["right"]
                writer.writerow([scene.id, scene.song.name, listener.id, left, right, float(np.mean([left, right]))])
                count += 1
    made.replace(csv)
    return count
