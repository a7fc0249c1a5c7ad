"""Small tests made of files, and answers to them, for the tests of the room, of the browser, and for the benchmark."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from cadenza_core.listening import Design, read_design
from cadenza_core.listening.panels import make_panel
from cadenza_core.settings import Settings
from cadenza_core.store import Store

RATE = 44100
_PAIRED = ("preference", "abx")


def write_sounds(folder: Path, systems: int, excerpts: int, seconds: float = 1.0) -> None:
    """Write a noise of another colour and level for each system and excerpt, a reference and a mixture for each excerpt."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*(f"s{number}" for number in range(systems)), "reference", "mixture"]
    for excerpt in range(excerpts):
        rng = np.random.default_rng(excerpt)
        white = rng.normal(size=(2, round(seconds * RATE)))
        for number, name in enumerate(names):
            colour = np.cumsum(white, axis=1) if number % 2 else white
            level = 0.05 * (1 + number) / np.abs(colour).std()
            soundfile.write(folder / f"{name}_e{excerpt}.wav", np.clip(level * colour / 4, -0.95, 0.95).T, RATE)


def design_text(
    kind: str, systems: int, excerpts: int, *, participants: Any = 2, name: str = "test1", **more: Any
) -> str:
    """Give the YAML of a test made of such files; `more` are further keys, as they are written."""
    keys: dict[str, Any] = {"training": 0, "headphone_check": "false", "fade": 0.02, **more}
    lines = [f"name: {name}", f"design: {kind}", "seed: 11", f"participants: {participants}"]
    lines += [f"{key}: {value}" for key, value in keys.items()]
    lines += ["systems:", *(f"  - {{name: Sys{n}, file: 's{n}_{{excerpt}}.wav'}}" for n in range(systems))]
    if kind == "mushra":
        lines.append("reference: {file: 'reference_{excerpt}.wav'}")
    extra = [f", song: mixture_e{n}.wav, query: a sound {n}" if kind == "relovl" else "" for n in range(excerpts)]
    lines += ["excerpts:", *(f"  - {{name: e{n}{extra[n]}}}" for n in range(excerpts))]
    return "\n".join(lines) + "\n"


def make_test(
    store: Store, settings: Settings, folder: Path, kind: str, systems: int, excerpts: int, **more: Any
) -> Design:
    """Write the sounds and make the test of them."""
    seconds = more.pop("seconds", 1.0)
    write_sounds(folder, systems, excerpts, seconds)
    design = read_design(design_text(kind, systems, excerpts, **more), folder)
    make_panel(store, settings, design)
    return design


def answer_to(state: Mapping[str, Any], value: float = 50.0) -> dict[str, Any]:
    """Give what a page would send for the trial of a state, everything heard."""
    trial, kind = state["trial"], state["kind"]
    names = [scale["name"] for scale in state["scales"]]
    judged = [sound["id"] for sound in trial["sounds"] if sound["id"] != "0"]
    if kind == "abx":
        ratings: dict[str, Any] = {"3": {names[0]: 1}}
    elif kind == "preference":
        ratings = {"1": {names[0]: 1}, "2": {names[0]: 0}}
    else:
        scaled = 3 if kind == "relovl" else value
        ratings = {place: dict.fromkeys(names, scaled) for place in judged}
    places = [sound["id"] for sound in trial["sounds"]]
    return {
        "trial": trial["id"],
        "number": trial["number"],
        "ratings": ratings,
        "comment": "",
        "seconds": 4.5,
        "output_rate": 48000,
        "log": {
            "plays": dict.fromkeys(places, 1),
            "heard_s": dict.fromkeys(places, trial["hear_s"]),
            "switches": [{"at_ms": 10, "position_s": 0.2, "from": places[0], "to": places[-1]}],
        },
    }
