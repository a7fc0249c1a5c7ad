"""Every reader of the project, with a good input to spoil."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import soundfile

from cadenza_core.audio import STEMS, Stems, audio_info, read_audio
from cadenza_core.catalog import Song, read_listeners, standard_listeners
from cadenza_core.catalog.library import songs_in
from cadenza_core.catalog.musdb import read_song_list
from cadenza_core.catalog.own import add_upload, places
from cadenza_core.catalog.segments import read_segments
from cadenza_core.challenge import check_scores, gains_from, read_scenes, read_set
from cadenza_core.challenge.folder import Journal
from cadenza_core.challenge.kept import kept_runs
from cadenza_core.embedding.tasks import find_tasks, read_task
from cadenza_core.embedding.teach import Lesson, read_lesson, save_lesson
from cadenza_core.errors import CadenzaError
from cadenza_core.intelligibility.clips import read_metadata
from cadenza_core.intelligibility.models import load_model
from cadenza_core.intelligibility.predictions import read_predictions
from cadenza_core.intelligibility.scores import read_scores as read_lyric_scores
from cadenza_core.listening.reading import read_design
from cadenza_core.playback import Sounds, levels_file
from cadenza_core.playback.sounds import sound_id
from cadenza_core.quality.scores import read_scores
from cadenza_core.remix import Gains, Lane, MixSettings, Presets
from cadenza_core.remix.link import Link
from cadenza_core.separation import Cache
from cadenza_core.separation.checkpoints import demucs_model, read_state
from cadenza_core.separation.lass.checkpoint import load_separator, read_checkpoint
from cadenza_core.separation.lass.clips import read_clips
from cadenza_core.separation.lass.mixtures import read_mixtures, read_queries
from cadenza_core.separation.local import load_local
from cadenza_core.separation.local_folder import demucs_folder, unmix_folder
from cadenza_core.settings import Settings
from cadenza_core.store import ScoredSystem, Store
from cadenza_core.store.importing import import_scores
from cadenza_core.store.records import import_presets, import_records
from cadenza_core.submission import read_stem, validate, write_pair
from cadenza_core.submission.lass_validate import validate_lass
from tests.challenge.tree import entry, listeners, make_scenes, make_tree, write_json
from tests.fuzz.watch import Reader

__all__ = ["READERS"]

RATE = 44100


def _sound(seconds: float = 0.05, channels: int = 2, seed: int = 0) -> np.ndarray:
    """Noise on the 16-bit grid, shape (n, channels)."""
    noise = np.random.default_rng(seed).uniform(-0.3, 0.3, (int(seconds * RATE), channels))
    return np.asarray(np.round(noise * 32768) / 32768)


def _settings(folder: Path) -> Settings:
    return Settings(home=folder, models=folder / "models")


def _make_sound(name: str, subtype: str | None = None) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        soundfile.write(folder / name, _sound(), RATE, subtype=subtype)

    return make


def _make_aac(name: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        import av

        kind = "mp4" if name.endswith(("m4a", "mp4")) else "adts"
        with av.open(str(folder / name), "w", format=kind) as container:
            count = 5 if name.endswith("mp4") else 1
            streams = [container.add_stream("aac", rate=RATE, layout="stereo") for _ in range(count)]
            for stream in streams:
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(_sound(0.1).T, np.float32), "fltp", "stereo")
                frame.rate = RATE
                for packet in [*stream.encode(frame), *stream.encode(None)]:
                    container.mux(packet)

    return make


def _read_sounds(folder: Path) -> None:
    """As the catalog does it: the header, all of it, a part."""
    for path in sorted(folder.iterdir()):
        audio_info(path)
        read_audio(path)
        read_audio(path, 0.01, 0.03)


def _upload(folder: Path) -> None:
    for path in filter(Path.is_file, sorted(folder.glob("*.*"))):  # a browser sends no folder
        add_upload(path.name, path.read_bytes(), _settings(folder.parent / "home"))


def _catalogue(folder: Path) -> None:
    for song in songs_in(folder):
        song.check()
        song.mixture()


def _make_catalogue(folder: Path) -> None:
    for part in ("mixture", "vocals", "drums"):
        (folder / "A song").mkdir(exist_ok=True)
        soundfile.write(folder / "A song" / f"{part}.flac", _sound(), RATE)


def _save(name: str, content: Any) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")

    return make


def _one(name: str, read: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: read(folder / name)


_SPAN = {"start": 1.0, "end": 31.0, "duration": 30.0}
_CUTS = {"A - B": {"objective_evaluation": _SPAN, "subjective_evaluation": {"start": 2, "end": 17}}}
_CONFIG = 'music = ["songs"]\nlisteners = ["people.json"]\nmodels = "models"\ndevice = "cpu"\ndatabase = "x.sqlite"\n'
_MIX = MixSettings({"vocals": Lane(3.0, -2.0, False), "drums": Lane(mute=True)}, -1.5, prescription="nalr")
_ROWS = "song,listener,score,{}\nA - B,L0001,0.45,{}\nC,L0002,0.45,{}\n"
_COLUMNS = ",".join(f"{ear}_{stem}" for stem in ("bass", "drums", "other", "vocals") for ear in ("left", "right"))
_SCORES = _ROWS.format(_COLUMNS, ",".join(["0.45"] * 8), ",".join(["0.45"] * 8))
_EVENTS = [
    {"event": "start", "at": 1.0},
    {"event": "prepare", "song": "A", "at": 2.0},
    {"event": "begin", "pair": ["A", "L1"], "at": 3.0},
    {"event": "done", "pair": ["A", "L1"], "at": 4.0, "seconds": 1.0},
    {"event": "failed", "pair": ["B", "L1"], "at": 5.0, "message": "no"},
]
_CLIPS = [
    {
        "signal": "c1",
        "fma": "1",
        "prompt": "love me do",
        "hearing_loss": "Mild",
        "response": "love me",
        "correctness": 0.7,
    },
    {
        "signal": "c2",
        "fma": "2",
        "prompt": "let it be",
        "hearing_loss": "No Loss",
        "response": "let",
        "correctness": 0.3,
    },
]
_CURVE = {"format": "cadenza-lyrics-model", "version": 1, "kind": "logistic", "score": "whisper.mixture"}
_RUN = {"data": "/data", "set": "valid", "system": "preview", "songs": ["A"], "listeners": ["L1"]}


def _text(path: Path) -> str:
    """Give what somebody types, or what stands in an address: there is no file that could be missing."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


_DESIGN = """name: panel-2026
title: Which remix sounds best?
design: panel
seed: 2026
systems:
  - {name: Demucs, system: htdemucs, gains: {vocals: 3}}
  - {name: Preview, system: preview, preset: louder vocals}
  - {name: Team A, file: "entries/a/{listener}_{excerpt}.flac"}
excerpts:
  - {name: verse, song: demo, at: 2-17}
participants: {N2: 5, N3: 5}
"""


def _design(folder: Path) -> None:
    read_design(_text(folder / "test.yaml"), folder)


def _presets(folder: Path) -> None:
    presets = Presets(folder)
    presets.everywhere()
    presets.all("A", "N3")
    presets.named("mine")


def _challenge_gains(folder: Path) -> None:
    people = tuple(standard_listeners().values())[:2]
    data = type("Data", (), {"listeners": people, "pairs": []})()
    given = gains_from(str(folder / "gains.json"), [], data, _settings(folder))
    for person in people:
        given(None, person)  # type: ignore[arg-type]


def _gain_texts(folder: Path) -> None:
    Gains.parse(_text(folder / "some.gains").split("\n"))


def _link(folder: Path) -> None:
    Link.read(dict(parse_qsl(_text(folder / "some.query"))))


def _hearing(folder: Path) -> None:
    from pages.widgets.hearing import hearing_numbers

    hearing_numbers(dict(parse_qsl(_text(folder / "some.query"))))


_FREQUENCIES = "250,500,1000,2000,3000,4000,6000,8000"
_HEARING = f"left_frequencies={_FREQUENCIES}&left_levels=20,20,30,40,50,60,70,70"
_HEARING += f"&right_frequencies={_FREQUENCIES}&right_levels=20,25,30,35,50,60,65,70&calibration=100"
_LINK = "song=demo&listener=N3&system=preview&part=0:03-0:18&vocals=3,-2&drums=-6m&master=-1.5&limiter=off&hear=aided"
_LINK += "&match=on&prescription=nalr&calibration=100&simulation=off"
_LINK += "&extract=the%20crowd~music@0:01-0:02;hiss&follow=x&rest=one"


def _journal(folder: Path) -> None:
    Journal.read(folder / "journal.jsonl")


def _task(folder: Path) -> None:
    metadata = {
        "task_name": "beep", "version": "v1", "mode": "full", "embedding_type": "event", "prediction_type": "multilabel",
        "split_mode": "trainvaltest", "splits": ["train", "valid", "test"], "sample_duration": 0.05,
        "evaluation": ["event_onset_200ms_fms"], "evaluation_params": {
            "event_postprocessing_grid": {"median_filter_ms": [250], "min_duration": [125]},
        },
    }  # fmt: skip
    write_json(folder / "task_metadata.json", metadata)
    _save("labelvocabulary.csv", "idx,label\n0,a\n1,b\n")(folder)
    for split in ("train", "valid", "test"):
        write_json(folder / f"{split}.json", {f"{split}.wav": [{"label": "a", "start": 0.0, "end": 20.5}]})
        for rate in (16000, 48000):
            (folder / str(rate) / split).mkdir(parents=True)
            soundfile.write(folder / str(rate) / split / f"{split}.wav", _sound(channels=1)[: rate // 20], rate)


def _read_task(folder: Path) -> None:
    for place in find_tasks(folder):
        task = read_task(place)
        task.check(thorough=True)
        for split in task.splits:
            for name in task.entries(split):
                task.sound(split, name, 16000)


def _lesson(folder: Path) -> None:
    save_lesson(Lesson("mine", ()), _settings(folder))


def _state(folder: Path) -> None:
    import torch

    torch.save({"a.weight": torch.zeros(2, 3), "a.bias": torch.ones(3)}, folder / "state.pth")


def _package(folder: Path) -> None:
    import torch
    from demucs.demucs import Demucs
    from demucs.states import serialize_model
    from omegaconf import OmegaConf

    torch.manual_seed(0)
    model = Demucs(list(STEMS), channels=8, depth=1, lstm_layers=0, segment=1)
    torch.save(serialize_model(model, OmegaConf.create({"lr": 3e-4})), folder / "model.th")


def _lass_checkpoint(folder: Path) -> None:
    import torch

    from cadenza_core.separation.lass.network import ResUNet
    from tests.lass import TINY

    torch.manual_seed(0)
    state = {f"ss_model.{name}": value for name, value in ResUNet(TINY).state_dict().items()}
    from dataclasses import asdict

    from cadenza_core.separation.lass.checkpoint import FORMAT, META

    torch.save({"state_dict": state, META: {"format": FORMAT, "network": asdict(TINY)}}, folder / "tiny.ckpt")


def _read_lass(folder: Path) -> None:
    read_checkpoint(folder / "tiny.ckpt")
    load_separator(folder / "tiny.ckpt")


def _unmix(folder: Path) -> None:
    _save("separator.json", {"sample_rate": 44100, "nfft": 1024, "nhop": 256, "nb_channels": 2})(folder)
    for stem in STEMS:
        _save(f"{stem}.json", {"args": {"nfft": 1024, "nb_channels": 2, "hidden_size": 8}})(folder)
        (folder / f"{stem}-0a0b0c0d.pth").write_bytes(b"weights")


def _bag(folder: Path) -> None:
    (folder / "0a0b0c0d.th").write_bytes(b"weights")
    (folder / "1a0b0c0d.th").write_bytes(b"weights")
    text = "models: ['0a0b0c0d', '1a0b0c0d']\nweights: [[1, 0, 1, 0], [0, 1.5, 0, 1]]\nsegment: 44\n"
    _save("mine.yaml", text)(folder)


def _own_models(folder: Path) -> None:
    weights = {"kind": "demucs", "folder": str(folder), "licence": "", "trained_on": "", "cad1_closed": False}
    weights |= {"stems": list(STEMS), "rate": 44100, "files": [["a.th", ""]], "weights": None, "segment": None}
    _save("models.json", {"mine": weights})(folder)


def _load_models(folder: Path) -> None:
    try:
        load_local(_settings(folder))
    finally:
        load_local(_settings(folder.parent / "nothing"))


def _cache(folder: Path) -> None:
    sound = np.ascontiguousarray(_sound().T, np.float32)
    Cache(folder).put({"system": "x"}, Stems({"vocals": sound, "other": sound}, RATE), {"song": "A"})


def _read_cache(folder: Path) -> None:
    cache = Cache(folder)
    for one in cache.entries():
        one.fault(thorough=True)
        if cache.get(one.key):
            one.stems()


def _sounds(folder: Path) -> None:
    sound = np.ascontiguousarray(_sound().T, np.float32)
    Sounds(folder).put(sound_id("x"), {"vocals": sound, "other": sound}, RATE)


def _read_sound_set(folder: Path) -> None:
    sounds = Sounds(folder)
    for name in ("vocals.flac", "vocals.peaks", "../../x"):
        sounds.path(sound_id("x"), name)
    levels = levels_file(sounds, sound_id("x"))
    if levels is not None:
        levels.unlink()


def _submission(folder: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"{ear}_{stem}" for stem in ("drums", "bass", "other", "vocals") for ear in ("left", "right")]
    sound = {name: 0.1 * rng.standard_normal(4000) for name in names}
    write_pair(folder / "enhanced_signals", "L5001", "A - B", sound, RATE)


def _zipped(folder: Path) -> None:
    _submission(folder.parent / "whole")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path in sorted((folder.parent / "whole").rglob("*.*")):
            archive.write(path, path.relative_to(folder.parent / "whole" / "enhanced_signals").as_posix())
    (folder / "submission_T001.zip").write_bytes(made.getvalue())


def _read_stems(folder: Path) -> None:
    for path in sorted(folder.rglob("*_vocals.flac")):
        read_stem(path)


def _lass_submission(folder: Path) -> None:
    label = "Doe_XYZ_task9_1"
    place = folder / "Doe_XYZ" / label
    place.mkdir(parents=True)
    author = {"lastname": "D", "firstname": "A", "email": "a@b.c"}
    description = {"input_sampling_rate": 16, "machine_learning_method": "x", "train_datasets": []}
    meta = {
        "submission": {"label": label, "name": "T", "abbreviation": "t", "authors": [author]},
        "system": {"description": description, "complexity": {"total_parameters": 1}},
        "results": {"validation_synth": {"sdr": 1.0}},
    }
    _save(f"{label}.meta.yaml", json.dumps(meta))(place)
    _save(f"{label}.audio_url.txt", "Google Drive: https://drive.google.com/x")(place)
    wav = io.BytesIO()
    soundfile.write(wav, _sound(channels=1)[:800], 16000, format="WAV")
    for one in ("synth", "real"):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("queries.csv", "wav,query\na.wav,hiss\n")
            archive.writestr("a.wav", wav.getvalue())
        (place / f"{label}.{one}.zip").write_bytes(made.getvalue())


def _captions(folder: Path) -> None:
    soundfile.write(folder / "a.wav", _sound(), RATE)
    soundfile.write(folder / "b.wav", _sound(seed=1), RATE)
    _save("captions.csv", "file,caption\na.wav,hiss\nb.wav,a bell rings\n")(folder)
    _save("clips.json", {"data": [{"wav": "a.wav", "caption": "hiss"}]})(folder)
    _save("mix.csv", "source,noise,snr,query\na,b,-3,hiss\nb,a,15,a bell rings\n")(folder)
    _save("queries.csv", "wav,query\na.wav,hiss\nb.wav,a bell rings\n")(folder)


def _read_captions(folder: Path) -> None:
    faults = 0
    for read in (
        lambda: read_clips(folder),
        lambda: read_clips(folder / "clips.json"),
        lambda: read_mixtures(folder / "mix.csv", folder),
        lambda: read_queries(folder / "queries.csv", folder),
    ):
        try:
            read()
        except CadenzaError:
            faults += 1
    if faults:
        raise CadenzaError("One of them is faulty.")


def _lyrics(folder: Path) -> None:
    metadata = folder / "metadata"
    _save("train_metadata.json", _CLIPS)(metadata)


def _scores(folder: Path) -> None:
    _save("scores.csv", _SCORES)(folder)
    rows = "scene,song,listener,score,left_score,right_score\nS1,A,L1,0.4,0.3,0.5\n"
    _save("scores_icassp.csv", rows)(folder)
    _save("own.csv", "song;listener;metric;stem;ear;value\nA;L1;haaqi;vocals;left;0,5\n")(folder)


_STORES: list[Store] = []


def _import(folder: Path) -> None:
    """Into one database for all inputs: what was stored before must not matter."""
    if not _STORES:
        _STORES.append(Store(f"sqlite:///{folder.parent}/fuzz.sqlite"))
    for path in sorted(folder.glob("*.csv")):
        import_scores(_STORES[0], [path], evaluation_set="fuzz", system=ScoredSystem("x"), replace_stored=True)
    import_records(_STORES[0], folder / "records")
    import_presets(_STORES[0], folder / "presets")


def _records(folder: Path) -> None:
    _scores(folder)
    record = {"song": "A", "listener": "L1", "system": "preview", "gains_db": {"vocals": {"left": 3, "right": None}}}
    _save("records/a.json", record)(folder)
    _saved_presets(folder / "presets")


def _saved_presets(folder: Path) -> None:
    Presets(folder).save("A", "N3", "mine", _MIX, "for the words")


def _songs(root: Path, name: str) -> None:
    data = read_set(root, name)
    assert all(isinstance(song, Song) for song in data.songs)


def _audio_readers() -> Iterator[Reader]:
    for name, subtype in (
        ("a.wav", "PCM_16"),
        ("b.wav", "FLOAT"),
        ("c.flac", "PCM_24"),
        ("d.ogg", None),
        ("e.mp3", None),
    ):
        yield Reader(f"audio {name[2:]} {subtype or ''}".strip(), _make_sound(name, subtype), _read_sounds)
    for name in ("a.m4a", "a.stem.mp4", "a.aac"):
        yield Reader(f"audio {name[2:]}", _make_aac(name), _read_sounds)
    yield Reader("upload", _make_sound("my song.flac"), _upload, 30)
    yield Reader("folder of songs", _make_catalogue, _catalogue, 60)


READERS: tuple[Reader, ...] = (
    *_audio_readers(),
    Reader("listeners", _save("people.json", listeners(2)), _one("people.json", read_listeners), 200),
    Reader("segments", _save("cuts.json", _CUTS), _one("cuts.json", read_segments)),
    Reader(
        "song list", _save("songs.json", [entry("A", "train"), entry("B", "test")]), _one("songs.json", read_song_list)
    ),
    Reader("settings", _save("config.toml", _CONFIG), lambda folder: Settings.load(home=folder)),
    Reader("places", _save("places.json", ["/music", "songs"]), lambda folder: places(_settings(folder))),
    Reader("presets", _saved_presets, _presets),
    Reader(
        "gains file",
        _save("gains.json", {"NH": {"vocals": 3, "bass": {"left": 1, "right": None}}, "N1": {}}),
        _challenge_gains,
        200,
    ),
    Reader("gains", _save("some.gains", "vocals=3\ndrums.left=-6\nbass=mute"), _gain_texts),
    Reader("link", _save("some.query", _LINK), _link, 200),
    Reader("hearing", _save("some.query", _HEARING), _hearing, 40),
    Reader(
        "challenge set",
        lambda folder: make_tree(folder, 1, 1, 0.02),
        lambda folder: _songs(folder, "test"),
        100,
        "metadata/**/*",
    ),
    Reader(
        "scenes",
        lambda folder: make_scenes(folder, 0.02),
        lambda folder: read_scenes(folder, "train"),
        100,
        "metadata/*",
    ),
    Reader("journal", _save("journal.jsonl", "".join(json.dumps(one) + "\n" for one in _EVENTS)), _journal),
    Reader("kept runs", _save("challenge/a-1/run.json", _RUN), lambda folder: kept_runs(_settings(folder))),
    Reader("score table", _save("scores.csv", _SCORES), _one("scores.csv", read_scores)),
    Reader("score table, checked", _save("scores.csv", _SCORES), _one("scores.csv", check_scores)),
    Reader("import", _records, _import, 40),
    Reader("task folder", _task, _read_task, 100, "*.*"),
    Reader("task sounds", _task, _read_task, 30, "*/*/*.wav"),
    Reader("lesson", _lesson, lambda folder: read_lesson("mine", _settings(folder))),
    Reader(
        "predictions",
        _save("p.csv", "signal,intelligibility_score\nc1,0.5\nc2,0.75\n"),
        _one("p.csv", read_predictions),
        200,
    ),
    Reader("clips' metadata", _save("m.json", _CLIPS), _one("m.json", read_metadata)),
    Reader(
        "lyric scores",
        _save("s.jsonl", '{"signal": "c1", "a": 0.5}\n{"signal": "c2", "a": 1}\n'),
        lambda folder: read_lyric_scores([folder / "s.jsonl"]),
    ),
    Reader(
        "predictor",
        _save("m.json", {**_CURVE, "parameters": {"midpoint": 0.5, "slope": 3.0}, "about": {}}),
        _one("m.json", load_model),
    ),
    Reader("captions", _captions, _read_captions, 100, "*.[cj]s*"),
    Reader("checkpoint, tensors", _state, _one("state.pth", read_state)),
    Reader("checkpoint, Demucs", _package, _one("model.th", demucs_model), 50),
    Reader("checkpoint, description", _lass_checkpoint, _read_lass, 50),
    Reader("Open-Unmix folder", _unmix, unmix_folder, 100, "*.json"),
    Reader("bag of models", _bag, lambda folder: demucs_folder(folder, "mine"), 100, "*.yaml"),
    Reader("listening test", _save("test.yaml", _DESIGN), _design, 200),
    Reader("own models", _own_models, _load_models),
    Reader("cached separation", _cache, _read_cache, 100, "*/*"),
    Reader("sounds of the page", _sounds, _read_sound_set, 60, "*/*"),
    Reader("submission, folder", _submission, validate, 60),
    Reader("submission, zip", _zipped, _one("submission_T001.zip", validate), 100),
    Reader("submission, stem", _submission, _read_stems, 60, "**/*_vocals.*"),
    Reader("submission by description", _lass_submission, validate_lass, 60),
)
