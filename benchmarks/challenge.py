"""A whole challenge: equality with pyclarity's functions, throughput against them, scaling, and a load that is killed often.

``python -m benchmarks.challenge [--part equality enhance evaluate scaling load]``. Each part takes one to three minutes on two
cores that do nothing else, the load twelve. The first three take the tree that the shared test data's ``musdb_tree.py`` makes,
or the demo song where that is absent.

- equality: the files of the validation and of the evaluation set against the recipe's own functions, sample by sample;
- enhance: CPU time of a pair's files, against the recipe's functions in the same process, in turn;
- evaluate: CPU time of a pair's scores, the same, and how far the scores are apart (``--seconds`` of each stem; pyclarity
  takes about 7 s for each second of a pair);
- scaling: pairs a second of one worker, of two, and of two workers of a Dask LocalCluster;
- load: 20 songs for 50 listeners, half a second each, enhanced and scored twice: undisturbed, and with the whole run killed
  (SIGKILL) at ten random moments and single workers at ten others. The results are compared byte by byte, what was done
  twice is counted, and `validate` looks through all files.
"""

import argparse
import contextlib
import csv
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import SHARED_DATA, header, table
from cadenza_core.catalog import demo_song, standard_listeners
from cadenza_core.challenge import (
    ChallengeSet,
    DaskPool,
    LocalPool,
    Plan,
    Pool,
    enhance_plan,
    evaluate_plan,
    gains_from,
    read_set,
    run,
    validate_set,
)
from cadenza_core.challenge.tasks import Task
from cadenza_core.quality import warm_up
from cadenza_core.remix import ear_stems
from cadenza_core.separation import separate
from cadenza_core.settings import Settings
from tests.challenge import recipe
from tests.challenge.tree import entry, make_tree, write_json

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("equality", "enhance", "evaluate", "scaling", "load")
LISTENERS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the stems that are scored")
    parser.add_argument("--songs", type=int, default=20, help="songs of the load")
    parser.add_argument("--listeners", type=int, default=50, help="listeners of the load")
    parser.add_argument("--scored", type=int, default=20, help="songs of the load that are scored too")
    parser.add_argument(
        "--kills", type=int, default=10, help="how often the load's run is killed, and how often a worker"
    )
    options = parser.parse_args()
    header(
        "A whole challenge",
        "files identical, scores to 1e-6; enhance 2x, evaluate 17x a core; two workers 1.8x, on Dask within 10 %; no loss",
        ("pyclarity", "numpy", "soxr", "distributed"),
    )
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        if {"equality", "enhance", "evaluate"} & set(options.part):
            root, settings = _real_tree(place / "tree"), Settings(place / "home", place / "models")
            if "equality" in options.part:
                equality(root, settings, place / "equality")
            if "enhance" in options.part:
                enhance_throughput(root, settings, place / "enhance")
            if "evaluate" in options.part:
                evaluate_throughput(root, settings, place / "evaluate", options.seconds)
        if "scaling" in options.part:
            scaling(place / "scaling")
        if "load" in options.part:
            load(place / "load", options.songs, options.listeners, min(options.scored, options.songs), options.kills)


def _real_tree(root: Path) -> Path:
    script = SHARED_DATA / "musdb_tree.py"
    if script.is_file():
        subprocess.run([sys.executable, script, root], check=True)
        return root
    song = demo_song(Settings(root / "home", root / "models"))
    for split, sets in (("train", ("train", "valid")), ("test", ("test",))):
        folder = root / "audio" / "musdb18hq" / split / song.name
        folder.mkdir(parents=True)
        for part, track in song.tracks.items():
            samples, rate = soundfile.read(track.path, dtype="int16")
            soundfile.write(folder / f"{part}.wav", samples, rate, subtype="PCM_16")
        for name in sets:
            write_json(root / "metadata" / f"musdb18.{name}.json", [entry(song.name, split)])
            people = {key: standard_listeners()[key] for key in ("N2", "N3", "S1", "S2")}
            write_json(
                root / "metadata" / f"listeners.{name}.json", {key: _as_json(key, p) for key, p in people.items()}
            )
    spans = {"objective_evaluation": (5.0, 35.0), "subjective_evaluation": (12.5, 27.5)}
    cut = {what: {"start": a, "end": b, "duration": b - a} for what, (a, b) in spans.items()}
    write_json(root / "metadata" / "musdb18.segments.test.json", {song.name: cut})
    return root


def _as_json(name: str, listener) -> dict:
    left, right = listener.audiogram_left, listener.audiogram_right
    levels = {"audiogram_levels_l": left.levels.tolist(), "audiogram_levels_r": right.levels.tolist()}
    return {"name": name, "audiogram_cfs": left.frequencies.tolist(), **levels}


def _enhance(data: ChallengeSet, system: str, out: Path, settings: Settings) -> Plan:
    return enhance_plan(data, system, out, settings, gains_from("", [], data, settings))


def _some(root: Path, name: str) -> ChallengeSet:
    ids = [listener.id for listener in read_set(root, name).listeners]
    return read_set(root, name, listeners=ids[:LISTENERS])


# Equality


def equality(root: Path, settings: Settings, place: Path) -> None:
    print("Equality with the recipe's functions (samples of 16 bit; scale factors, relative)\n")
    rows = []
    segments = recipe.read_json(root / "metadata" / "musdb18.segments.test.json")
    for name in ("valid", "test"):
        for system in ("reference", "ideal-mask", "preview"):
            data, out, theirs = _some(root, name), place / f"{name}-{system}", place / f"{name}-{system}-recipe"
            run(_enhance(data, system, out, settings), LocalPool())
            for song, listener in data.pairs:
                stems = ear_stems(separate(song, system, settings).stems)
                cut = segments[song.name] if name == "test" else None
                recipe.enhance_pair(theirs, song.name, listener, stems, cut)
            ours = out / "enhanced_signals" / ("evaluation" if name == "test" else "")
            rows.append((f"{name}, {system}", len(data.pairs), *_compare(ours, theirs)))
    table(("set, system", "pairs", "files", "largest difference, samples", "scale factors"), rows)
    print(flush=True)


def _compare(ours: Path, theirs: Path) -> tuple[int, int, str]:
    names = sorted(path.relative_to(theirs) for path in theirs.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(ours) for path in ours.rglob("*") if path.is_file())
    samples, scales = 0, 0.0
    for name in names:
        if name.suffix == ".txt":
            mine, other = (float((place / name).read_text()) for place in (ours, theirs))
            scales = max(scales, abs(mine - other) / other)
        else:
            mine, other = (soundfile.read(place / name, dtype="int16")[0].astype(int) for place in (ours, theirs))
            samples = max(samples, int(np.abs(mine - other).max()))
    return len(names), samples, f"{scales:.1e}"


# Throughput


def enhance_throughput(root: Path, settings: Settings, place: Path) -> None:
    print("Files of a pair, CPU seconds of one core, without separation\n")
    rows = []
    segments = recipe.read_json(root / "metadata" / "musdb18.segments.test.json")
    for name in ("valid", "test"):
        data = _some(root, name)
        plan = _enhance(data, "ideal-mask", place / name, settings)
        _ready(plan)
        stems = {song.name: ear_stems(separate(song, "ideal-mask", settings).stems) for song in data.songs}
        theirs = place / f"{name}-recipe"

        def recipes(data=data, stems=stems, name=name, theirs=theirs) -> None:
            for song, listener in data.pairs:
                cut = segments[song.name] if name == "test" else None
                recipe.enhance_pair(theirs, song.name, listener, stems[song.name], cut)

        tasks = [unit.task for unit in plan.units]
        ours, other = _in_turn(lambda tasks=tasks: _do(tasks), recipes, 3)
        seconds = sum(song.duration for song in data.songs) / len(data.songs)
        what = f"{seconds:.0f} s song" + (", cut to 30 and 15 s" if name == "test" else "")
        rows.append((what, f"{ours / len(tasks):.3f}", f"{other / len(tasks):.3f}", f"{other / ours:.1f}"))
    table(("one pair", "ours", "pyclarity", "ratio"), rows)
    print(flush=True)


def _ready(plan: Plan) -> None:
    """Do what a run does before its first unit, in this process."""
    plan.folder.write_plan(plan.content(plan.each))
    _do([group.prepare for group in plan.groups if group.prepare])


def _do(tasks: list[Task]) -> list[dict]:
    for task in tasks:
        task.ready()
    return [task.run() for task in tasks]


def _in_turn(ours: Callable, theirs: Callable, repeats: int) -> tuple[float, float]:
    """Give the least CPU time of both, done in turn after once for warming up."""
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for turn in range(repeats + 1):
        for name, work in (("ours", ours), ("theirs", theirs)):
            began = time.process_time()
            work()
            if turn:
                times[name].append(time.process_time() - began)
    return min(times["ours"]), min(times["theirs"])


def evaluate_throughput(root: Path, settings: Settings, place: Path, seconds: float) -> None:
    """Score one pair of the evaluation set: all of the recipe's function against all of ours."""
    print("Scores of a pair, CPU seconds of one core\n")
    everything = read_set(root, "test")
    (song, listener), rate = everything.pairs[0], 44100
    span = {"start": 5.0, "end": 5.0 + seconds, "duration": seconds}
    cut = {"objective_evaluation": span, "subjective_evaluation": span}
    write_json(place / "segments.json", {song.name: cut})
    data = read_set(root, "test", songs=[song.name], listeners=[listener.id], segments=place / "segments.json")
    for stem in ("drums", "bass", "other", "vocals"):  # the recipe reads whole files
        samples, _ = soundfile.read(song.tracks[stem].path, dtype="int16")
        file = place / "cut" / "test" / song.name / f"{stem}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, samples[int(span["start"] * rate) : int(span["end"] * rate)], rate, subtype="PCM_16")
    run(_enhance(data, "preview", place / "scored", settings), LocalPool(1))
    plan = evaluate_plan(data, place / "scored", place / "scores.csv")
    _ready(plan)
    warm_up()
    folder = place / "scored" / "enhanced_signals" / "evaluation"
    (unit,) = plan.units
    times = []
    for _ in range(3):
        began = time.process_time()
        (result,) = _do([unit.task])
        times.append(time.process_time() - began)
    began = time.process_time()
    _, expected = recipe.score_pair(place / "cut", "test", song.name, listener, folder)
    theirs = time.process_time() - began
    difference = max(abs(result["haaqi"][name] - float(value)) for name, value in expected.items())
    assert difference < 1e-6, difference
    numbers = (f"{min(times):.2f}", f"{theirs:.1f}", f"{theirs / min(times):.0f}", f"{difference:.0e}")
    table(
        ("one pair", "ours", "pyclarity", "ratio", "largest difference"),
        [(f"eight stems of {seconds:.0f} s", *numbers)],
    )
    print(flush=True)


# Scaling


def scaling(place: Path) -> None:
    from distributed import LocalCluster

    os.environ["PYTHONPATH"] = str(ROOT)
    root = make_tree(place / "tree", songs=4, people=12, seconds=8.0)
    settings, data = Settings(place / "home", place / "models"), read_set(root, "valid")
    run(_enhance(data, "ideal-mask", place / "out", settings), LocalPool())
    scored = read_set(root, "valid", listeners=[one.id for one in data.listeners[:4]])
    print(f"Scaling, pairs of 8 s, from when each worker has done its first; load before: {os.getloadavg()[0]:.1f}\n")
    rows = []
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        pools: dict[str, Callable[[], Pool]] = {
            "one process": lambda: LocalPool(1),
            "two processes": lambda: LocalPool(2),
            "Dask LocalCluster, two workers": lambda: DaskPool(cluster.scheduler_address),
        }
        for what, make, some in (("enhance", _enhanced, data), ("evaluate", _scored, scored)):
            rates: dict[str, float] = {}
            for turn in range(2):  # in turn, so that what else the machine does falls on all
                for number, (name, pool) in enumerate(pools.items()):
                    plan = make(some, settings, place, f"{what}-{turn}-{number}")
                    rates[name] = max(rates.get(name, 0.0), _rate(plan, pool()))
                print(f"  {what}: " + ", ".join(f"{name} {rate:.2f}" for name, rate in rates.items()), flush=True)
            base = rates["one process"]
            rows += [(f"{what}, {name}", f"{rate:.2f}", f"{rate / base:.2f}") for name, rate in rates.items()]
    table(("", "pairs a second", "times one process"), rows)
    print(flush=True)


def _enhanced(data: ChallengeSet, settings: Settings, place: Path, name: str) -> Plan:
    return _enhance(data, "ideal-mask", place / name, settings)


def _scored(data: ChallengeSet, settings: Settings, place: Path, name: str) -> Plan:
    return evaluate_plan(data, place / "out", place / f"{name}.csv")


def _rate(plan: Plan, pool: Pool) -> float:
    """Give the pairs a second from when each worker has done its first one."""
    ends: list[float] = []
    run(plan, pool, events=lambda event: ends.append(event["at"]) if event["event"] == "done" else None)
    workers = pool.size()
    return (len(ends) - workers) / (ends[-1] - ends[workers - 1])


# Load


def load(place: Path, songs: int, people: int, scored: int, kills: int) -> None:
    root = make_tree(place / "tree", songs=songs, people=people, seconds=0.5)
    print(
        f"Load: {songs} songs for {people} listeners, 0.5 s; {kills} kills of the whole run, {kills} of single workers\n"
    )
    rows: list[tuple] = []
    ours = _Load(place, root, [song.name for song in read_set(root, "valid").songs][:scored], people, songs)
    ours.run("undisturbed", 0, rows)
    ours.run("killed", kills, rows)
    reference = ours.digests("undisturbed")
    assert ours.digests("killed") == reference, "the results differ"
    left = [path for path in place.rglob("*") if ".partial" in path.name]
    columns = ("run", "starts", "kills", "pairs", "done twice", "begun anew", "s", "peak MB of the run", "of a worker")
    table(columns, rows)
    print(f"\n{len(reference)} files of each run are identical, byte by byte; {len(left)} half-written files are left.")
    assert not left
    began = time.perf_counter()
    report = validate_set(place / "killed", read_set(root, "valid"))
    print(f"validate: {report.files} files in {time.perf_counter() - began:.0f} s, {len(report.errors)} errors")
    assert report.ok


class _Load:
    """The runs of the load, each with files and scores."""

    def __init__(self, place: Path, root: Path, scored: list[str], people: int, songs: int) -> None:
        self.place, self.root, self.scored = place, root, scored
        self.pairs = {"enhance": songs * people, "evaluate": len(scored) * people}
        self.luck = random.Random(7)

    def run(self, name: str, kills: int, rows: list[tuple]) -> None:
        out, scores = self.place / name, self.place / f"{name}.csv"
        common = ["--data", str(self.root), "--workers", "2", "--json"]
        enhance = ["enhance", *common, "--system", "ideal-mask", "--out", str(out)]
        evaluate = ["evaluate", *common, "--enhanced", str(out), "--csv", str(scores), "--no-store"]
        evaluate += [part for name in self.scored for part in ("--songs", name)]
        for what, command, folder in (
            ("enhance", enhance, out / "challenge"),
            ("evaluate", evaluate, scores.with_suffix(".challenge")),
        ):
            journal, pairs = folder / "journal.jsonl", self.pairs[what]
            victims = self.luck.sample(["run", "worker"] * kills, 2 * kills)
            moments = sorted(self.luck.sample(range(pairs - 1), 2 * kills))
            began = time.perf_counter()
            starts, killed, peaks = self._drive(command, journal, list(zip(moments, victims, strict=True)))
            seconds = time.perf_counter() - began
            told = [json.loads(line) for line in journal.read_text().splitlines()]
            done = Counter(tuple(event["pair"]) for event in told if event["event"] == "done")
            begun = sum(event["event"] == "begin" for event in told)
            twice = sum(count - 1 for count in done.values())
            assert twice == 0 and _never_begun_after_its_end(told) and len(done) == pairs
            numbers = (starts, killed, len(done), twice, begun - len(done), f"{seconds:.0f}")
            rows.append((f"{what}, {name}", *numbers, *(f"{peak:.0f}" for peak in peaks)))
            print(f"  {what}, {name}: {seconds:.0f} s", flush=True)

    def _drive(
        self, command: list[str], journal: Path, moments: list[tuple[int, str]]
    ) -> tuple[int, int, tuple[float, float]]:
        """Run a command until it is done; a moment is a number of pairs after which the run or a worker is killed.

        Gives how often it was started, how often something was killed, and the peaks of memory.
        """
        starts, killed, peak, worker_peak = 0, 0, 0.0, 0.0
        told = self.place / "told.txt"
        while True:
            starts += 1
            with told.open("w") as output:
                process = subprocess.Popen(
                    [sys.executable, "-c", "from cadenza_core.cli import main; main()", "challenge", *command],
                    env={**os.environ, "PYTHONPATH": str(ROOT), "CADENZA_HOME": str(self.place / "home")},
                    cwd=ROOT,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            while process.poll() is None:
                time.sleep(self.luck.uniform(0.01, 0.1))
                children = _children(process.pid)
                peak = max(peak, _memory(process.pid))
                worker_peak = max([worker_peak, *(_memory(child) for child in children)])
                if moments and children and _pairs_done(journal) > moments[0][0]:
                    _, victim = moments.pop(0)
                    killed += 1
                    target = process.pid if victim == "run" else self.luck.choice(children)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(target, signal.SIGKILL)
            if process.returncode == 0:
                return starts, killed, (peak, worker_peak)
            ending = told.read_text().splitlines()[-20:]
            assert process.returncode == -signal.SIGKILL, "\n".join([f"exit {process.returncode}", *ending])

    def digests(self, name: str) -> dict[str, str]:
        """Give the digests of all results of a run."""
        folder, scores = self.place / name, self.place / f"{name}.csv"
        with scores.open(newline="") as file:
            assert all(0 < float(row["score"]) < 1 for row in csv.DictReader(file))
        files = {
            str(path.relative_to(folder)): path for path in (folder / "enhanced_signals").rglob("*") if path.is_file()
        }
        files["scores.csv"] = scores
        return {label: hashlib.sha256(path.read_bytes()).hexdigest() for label, path in files.items()}


def _never_begun_after_its_end(told: list[dict]) -> bool:
    over = set()
    for event in told:
        if event["event"] == "done":
            over.add(tuple(event["pair"]))
        if event["event"] == "begin" and tuple(event["pair"]) in over:
            return False
    return True


def _pairs_done(journal: Path) -> int:
    try:
        return journal.read_bytes().count(b'"event": "done"')
    except OSError:
        return 0


def _children(pid: int) -> list[int]:
    """Give the processes that any thread of a process has started."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    except OSError:
        pass
    return found


def _memory(pid: int) -> float:
    """Give the peak of a process's resident memory, MB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration, ValueError):
        return 0.0


if __name__ == "__main__":
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    main()
