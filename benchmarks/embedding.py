"""Embeddings: 20 min of audio in time and memory, the tone task's scores, a map of 5,000 points and a neighbour's search.

``python -m benchmarks.embedding [--minutes 20] [--points 5000] [--no-tones] [--no-browser]``.

Long audio: each case in a process
of its own, two threads; the peer is the way of HEAR's baseline, all frames at once, with the same formula. The map: points as
the naive model gives them (4,096 dimensions); in the browser, from opening the page on a server that has just started to all
points drawn, and from a click to the neighbours' table.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import SHARED_DATA, header, table

DIMENSIONS = 4096
_SONGS = 50


def peak() -> float:
    """Give the largest resident memory so far, GB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def long_audio(what: str, minutes: float) -> tuple[float, float, float]:
    """Embed long audio; gives seconds for timestamps, for the scene, and the peak of memory in GB."""
    import torch

    torch.set_num_threads(2)
    from cadenza_core.embedding import logmel, naive

    audio = torch.empty(1, round(minutes * 60 * 44100)).uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    module: Any = logmel if what == "logmel" else naive
    model = module.load_model()
    module.get_scene_embeddings(audio[:, :44100], model)
    began = time.perf_counter()
    if what == "peer":
        frames = torch.nn.functional.pad(audio, (2048, 2048))[0].unfold(0, 4096, 2205).contiguous()
        embeddings = torch.cat([model(part) for part in frames.split(512)])
        middle = time.perf_counter()
        _ = torch.nn.functional.pad(audio, (2048, 2048))[0].unfold(0, 4096, 11025).contiguous()
        _ = torch.cat([model(part) for part in _.split(512)]).mean(0)
    else:
        embeddings, _ = module.get_timestamp_embeddings(audio, model)
        middle = time.perf_counter()
        module.get_scene_embeddings(audio, model)
    assert torch.isfinite(embeddings).all()
    return middle - began, time.perf_counter() - middle, peak()


def parity() -> str:
    """Compare the naive model with the official outputs, where the test data is."""
    place = SHARED_DATA / "regression" / "hear_naive.npz"
    if not place.is_file():
        return "no test data here"
    import torch

    from cadenza_core.embedding import naive

    expected = np.load(place)
    audio = torch.from_numpy(np.random.default_rng(11).uniform(-1, 1, (2, 44100)).astype(np.float32))
    model = naive.load_model()
    one = np.abs(
        naive.get_timestamp_embeddings(audio, model)[0][..., :256].numpy() - expected["timestamp_embeddings"]
    ).max()
    other = np.abs(naive.get_scene_embeddings(audio, model).numpy() - expected["scene_embeddings"]).max()
    return f"timestamps {one:.1e}, scenes {other:.1e}"


def tones() -> list[list[object]]:
    """Evaluate both models without weights on the tone task, with right and with shuffled labels."""
    from dataclasses import replace

    from cadenza_core.embedding import find_model
    from cadenza_core.embedding.evaluate import evaluate
    from cadenza_core.embedding.store import Embeddings
    from cadenza_core.embedding.task_writing import write_task
    from cadenza_core.embedding.tones import tone_pitch
    from cadenza_core.settings import Settings

    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as place:
        settings = Settings(home=Path(place), models=Path(place), device="cpu")
        plan = tone_pitch()
        task = write_task(plan, Path(place) / "right", [44100])
        labels = [clip.labels for clip in plan.clips]
        np.random.default_rng(0).shuffle(labels)
        clips = [replace(clip, labels=label) for clip, label in zip(plan.clips, labels, strict=True)]
        shuffled = write_task(replace(plan, clips=clips), Path(place) / "shuffled", [44100])
        for model in ("logmel", "naive"):
            for name, one in (("right labels", task), ("shuffled labels", shuffled)):
                found = evaluate(one, Embeddings(find_model(model, settings)), settings, points=1)
                scores = [f"{found.scores[score]:.3f}" for score in ("pitch_acc", "chroma_acc")]
                rows.append([f"{model}, {name}", *scores, f"{found.seconds:.0f}"])
    return rows


def fill(home: Path, points: int) -> None:
    """Make songs and keep embeddings for them as if they had been computed: what the page then shows is read from there."""
    from cadenza_core.audio import RATE, write_audio
    from cadenza_core.catalog.own import add_place
    from cadenza_core.embedding import find_model
    from cadenza_core.embedding.collection import Cut, track_name
    from cadenza_core.embedding.store import Embeddings
    from cadenza_core.embedding.tracks import tracks_of
    from cadenza_core.progress import silent
    from cadenza_core.settings import Settings

    settings = Settings(home=home, models=home / "models", device="cpu")
    embeddings = Embeddings(find_model("naive", settings))
    random = np.random.default_rng(0)
    music = home.parent / "music"
    for number in range(_SONGS):
        write_audio(music / f"Song {number:02d}.wav", random.uniform(-0.1, 0.1, (2, RATE)).astype(np.float32), RATE)
    songs = add_place(str(music), settings)
    each = points // _SONGS
    centres = random.standard_normal((_SONGS, DIMENSIONS)).astype(np.float32)
    for track in tracks_of(songs, ["mixture"])[0]:
        number = int(track.song.name.split()[1])
        path = embeddings.folder / "tracks" / f"{track_name(track.digest(settings, silent), Cut(10.0))}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        vectors = 23 + centres[number] + 0.5 * random.standard_normal((each, DIMENSIONS)).astype(np.float32)
        spans = np.array([(0.0, 1.0)] * each)
        np.savez(path, spans=spans, vectors=vectors.astype(np.float32), silent=np.array(0))


def space(home: Path) -> list[list[object]]:
    """Time the collection, its map, its pairs and a neighbour's search, from cold caches."""
    from cadenza_core.catalog import library
    from cadenza_core.catalog.own import with_own
    from cadenza_core.embedding import find_model
    from cadenza_core.embedding.collection import Cut, collect
    from cadenza_core.embedding.maps import draw_map
    from cadenza_core.embedding.store import Embeddings
    from cadenza_core.embedding.tracks import tracks_of
    from cadenza_core.progress import silent
    from cadenza_core.settings import Settings

    settings = with_own(Settings(home=home, models=home / "models", device="cpu"))
    songs = [song for song in library(settings) if song.kind != "demo"]
    tracks, _ = tracks_of(songs, ["mixture"])
    times = [time.perf_counter()]
    found = collect(tracks, Embeddings(find_model("naive", settings)), Cut(10.0), settings, silent)
    times.append(time.perf_counter())
    draw_map(found, settings)
    times.append(time.perf_counter())
    _ = found.pair_distances
    times.append(time.perf_counter())
    queries = []
    for number in range(0, len(found), max(1, len(found) // 40)):
        began = time.perf_counter()
        found.neighbours(number, 10)
        queries.append(time.perf_counter() - began)
    load, drawn, pairs = np.diff(times)
    return [
        [f"{len(found)} points read from the cache", f"{load:.2f} s"],
        ["map (PCA) computed", f"{drawn:.2f} s"],
        ["20,000 pairs for the percentiles", f"{pairs:.2f} s"],
        ["neighbour query, median", f"{1000 * np.median(queries):.1f} ms"],
        ["neighbour query, largest", f"{1000 * max(queries):.1f} ms"],
    ]


def in_browser(home: Path, points: int) -> list[list[object]]:
    """Time the page in a real browser."""
    from tests.browser.harness import server
    from tests.browser.studio_server import serve

    if reason := server.missing():
        print(f"No browser: {reason}")
        return []
    rows: list[list[object]] = []
    count = (
        "document.querySelectorAll('.js-plotly-plot')[0]?._fullData?.reduce((n, t) => n + (t.x?.length ?? 0), 0) ?? 0"
    )
    with serve(home) as (url, _), server.browser() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/similar")
        page.get_by_role("radio", name="Map").wait_for(timeout=120000)
        page.get_by_text("Embedding", exact=True).first.wait_for()
        for turn in ("first time on this server", "again"):
            began = time.perf_counter()
            if turn == "again":
                page.reload()
            else:
                choose_naive(page)
            if turn == "again":
                page.get_by_role("radio", name="Map").wait_for(timeout=60000)
                choose_naive(page)
            page.wait_for_function(f"({count}) >= {points}", timeout=120000)
            rows.append([f"page: {points} points drawn, {turn}", f"{time.perf_counter() - began:.2f} s"])
        box = page.locator(".js-plotly-plot").first
        began = time.perf_counter()
        click_point(page, box)
        page.get_by_text("Click a row to hear it").wait_for(timeout=30000)
        rows.append(["page: a click to the neighbours' table", f"{time.perf_counter() - began:.2f} s"])
    return rows


def choose_naive(page: Any) -> None:
    """Pick the naive model."""
    page.locator("[data-testid=stSelectbox]", has_text="Embedding").locator("input").first.click()
    page.get_by_role("option", name="HEAR's naive baseline").click()


def click_point(page: Any, box: Any) -> None:
    """Click the first point of the chart where it is drawn."""
    spot = box.evaluate(
        """plot => {
          const trace = plot._fullData[0], layout = plot._fullLayout, rect = plot.getBoundingClientRect();
          const k = Math.floor(trace.x.length / 2);
          return [rect.left + layout.xaxis._offset + layout.xaxis.d2p(trace.x[k]),
                  rect.top + layout.yaxis._offset + layout.yaxis.d2p(trace.y[k])];
        }"""
    )
    page.mouse.move(*spot)
    page.wait_for_timeout(200)
    page.mouse.click(*spot)


def apart(function: Any, *arguments: object) -> Any:
    """Do it in a fresh process, for its memory and its cold caches."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--points", type=int, default=5000)
    parser.add_argument("--no-tones", action="store_true")
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "2"
    header("Embeddings", "20 min < 10 s and < 2.5 GB; 5,000 points < 3 s, query < 50 ms", ("numpy", "torch", "librosa"))
    rows: list[list[object]] = []
    for what, name in (("naive", "naive"), ("peer", "naive, all frames at once"), ("logmel", "logmel")):
        timestamps, scene, memory = apart(long_audio, what, options.minutes)
        rows.append([f"{name}, {options.minutes:g} min", f"{timestamps:.2f}", f"{scene:.2f}", f"{memory:.2f}"])
    table(["model", "timestamps, s", "scene, s", "peak, GB"], rows)
    print(f"\nnaive and the official outputs, largest difference: {parity()}\n")
    if not options.no_tones:
        table(["tone task (24 pitches)", "pitch", "chroma", "s"], tones())
        print()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        fill(home, options.points)
        rows = apart(space, home)
        if not options.no_browser:
            rows += in_browser(home, options.points)
    table(["space of the naive model, 4,096 dimensions", ""], rows)


if __name__ == "__main__":
    main()
