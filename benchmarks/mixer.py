"""The mixer in a headless browser: from a slider to the sound, and a song of four minutes from cold to playable.

Latency is measured inside the page, without a sound card: from the slider's input event to the audio thread's rendering
of the first sample that differs by 1 dB, the limiter's and NAL-R's delays included, while all four stems play and the
listener's amplification is heard; once with the hearing of both ears simulated live. `wall` is by the computer's
clock (resolution 1 ms), `sound` counts in samples of the
audio itself. The goal: median below 15 ms, 95th percentile below 30 ms.

Run as ``python -m benchmarks.mixer``; ``--quick`` leaves the long song out.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from clarity.utils.audiogram import Listener

from cadenza_core.catalog import standard_listeners
from cadenza_core.hearing.live import live_parameters
from cadenza_core.hearing.prescriptions import ear_responses
from cadenza_core.hearing.thresholds import threshold_spl
from tests.browser.harness import server, songs

CHANGES = 50
#: Positions of the fader, -100 to 100, to change between; the smallest step is about 3 dB.
POSITIONS = (-60, 40, 0, 55, -30)
FIR = {ear: [0.0] * 110 + [1.5] + [0.0] * 110 for ear in ("left", "right")}


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    """Open the harness page over `folder`."""
    with server.serve(folder) as base, server.browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(base + "/harness/page.html")
        page.wait_for_function("window.harness")
        yield page


def simulated_tone(folder: Path) -> dict[str, Any]:
    """Write a song of one tone, heard amplified and with both ears simulated: N3, and N1 for its larger number of bands."""
    standard = standard_listeners()
    ears = Listener(standard["N3"].audiogram_left, standard["N1"].audiogram_right)
    (folder / "hearing.json").write_text(json.dumps(live_parameters(ears)))
    heard = {"fir": FIR, "hear": "aided", "limiter": True, "hearing_url": "/audio/hearing.json", "simulation": "both"}
    return songs.write_song(folder, "tone", songs.tone(), **heard)


def percentile(values: list[float], share: float) -> float:
    """Give a percentile, ms."""
    return float(np.percentile(values, share))


def pictures(folder: Path, data: dict[str, Any]) -> dict[str, Any]:
    """Give what the picture of audibility is shown with, for a listener with N3; its levels are a random song of 15 s."""
    names = [lane["name"] for lane in data["lanes"]]
    powers = 10.0 ** np.random.default_rng(0).normal(-5.0, 1.0, (len(names), 2, 25, 239))
    (folder / "levels.f32").write_bytes(powers.astype("<f4").tobytes())
    listener = standard_listeners()["N3"]
    return {
        "levels": {"remix": "/audio/levels.f32", "reference": None},
        "names": names,
        "labels": names,
        "threshold": [threshold_spl(ear).tolist() for ear in (listener.audiogram_left, listener.audiogram_right)],
        "response": ear_responses(listener, "nalr").tolist(),
        "aid_label": "NAL-R",
        "calibration_db_spl": 100.0,
        "listener_label": "N3",
        "note": "",
    }


def latency(
    page: Any, data: dict[str, Any], changes: int = CHANGES, picture: dict[str, Any] | None = None
) -> dict[str, list[float]]:
    """Measure `changes` moves of a slider while the song plays, with the picture open if there is one; ms, by two clocks."""
    page.evaluate("data => harness.mount(data)", data)
    if picture:
        page.evaluate("data => harness.showAudibility(data)", picture)
    page.evaluate("cadenzaMixer.engine.pause()")  # what is applied while it plays would come in slowly
    page.evaluate("cadenzaMixer.engine.apply(cadenzaMixer.engine.song)")  # all gains as at first
    page.evaluate("cadenzaMixer.engine.setLoop(0, cadenzaMixer.engine.song.frames)")
    for lane in data["lanes"][1:]:  # they play on, but one stem alone has to change by 1 dB
        page.evaluate("name => cadenzaMixer.engine.setMute(name, true)", lane["name"])
    page.evaluate("cadenzaMixer.engine.play()")
    if "simulation" in data:
        page.wait_for_function("cadenzaMixer.engine.simulation.numbers")
        page.wait_for_timeout(2500)  # the mix comes in slowly, the steeper the more is expanded
    page.wait_for_timeout(500)
    measured: dict[str, list[float]] = {"wall": [], "sound": []}
    for change in range(changes):
        position = POSITIONS[change % len(POSITIONS)]
        one = page.evaluate(
            "position => harness.latency(cadenzaMixer.view.lanes[0].faders[0].slider, position)", position
        )
        for clock, values in measured.items():
            values.append(one[clock])
    return measured


def long_song(folder: Path, seconds: float = 240.0) -> dict[str, Any]:
    """Write a song of four minutes: noise that swells, as hard to compress as music is."""
    rng = np.random.default_rng(1)
    count = round(seconds * songs.RATE)
    swell = 0.05 * (1.2 + np.sin(np.arange(count) / songs.RATE)).astype(np.float32)
    stems = {
        stem: songs.quantised(np.cumsum(rng.normal(size=(2, count)).astype(np.float32), axis=1) % 1.0 * swell)
        for stem in songs.STEMS
    }
    return songs.write_song(folder, "long", stems)


def renderer_memory() -> float:
    """Give the resident memory of the largest browser page on this machine, MB."""
    largest = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes()
            if b"--type=renderer" not in command:
                continue
            resident = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        except (OSError, StopIteration):
            continue
        largest = max(largest, int(resident.split()[1]) / 1000)
    return largest


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the long song out")
    options = parser.parse_args()
    if reason := server.missing():
        raise SystemExit(f"The browser cannot be driven here: {reason}.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print_latency(folder)
        if not options.quick:
            print_long_song(folder)


def print_latency(folder: Path) -> None:
    """Print the latency of a slider."""
    data = songs.write_song(folder, "constant", songs.constant(), fir=FIR, hear="aided", limiter=True)
    print(f"Slider's input event to 1 dB at the output, ms ({CHANGES} changes; goal: median < 15, 95 % < 30)")
    picture = pictures(folder, data)
    for title, song, shown in (
        ("the mixer alone", data, None),
        ("with all pictures open", data, picture),
        ("with both ears simulated live", simulated_tone(folder), None),
    ):
        print(f" {title}")
        with opened(folder) as page:
            for clock, values in latency(page, song, picture=shown).items():
                median, late = statistics.median(values), percentile(values, 95)
                print(f"  {clock:6} median {median:5.1f}   95 % {late:5.1f}   max {max(values):5.1f}")


def print_long_song(folder: Path) -> None:
    """Print how soon a long song can be played, and the memory of the page."""
    data = long_song(folder)
    size = sum(file.stat().st_size for file in (folder / "long").glob("*.flac")) / 1e6
    with opened(folder) as page:
        begin = time.perf_counter()
        page.evaluate("data => harness.mount(data)", data)
        ready = time.perf_counter() - begin
        page.evaluate("cadenzaMixer.engine.play()")
        page.wait_for_function("Number.isFinite(cadenzaMixer.engine.loudnessOf('original'))", timeout=120000)
        loud = time.perf_counter() - begin
        memory = renderer_memory()
    print(f"Four stems and the mixture, 240 s, {size:.0f} MB of FLAC (goal: ready < 6 s, memory < 700 MB)")
    print(f"  ready to play {ready:.1f} s, loudness known {loud:.1f} s, renderer {memory:.0f} MB")


if __name__ == "__main__":
    main()
