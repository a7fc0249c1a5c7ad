"""``cadenza why``: what the HAAQI of two sound files consists of."""

import math
from pathlib import Path
from typing import Annotated

import typer

from ..audio import read_audio
from ..catalog import find_listener, listener_files
from ..errors import CadenzaError
from ..hearing import ear_of
from ..quality import explain_haaqi, haaqi_parts, reference_level
from ..remix import EARS
from .console import JsonOption, guarded, notes, out, print_explanations, progress, settings_of
from .root import app
from .work import ListenerOption

__all__: list[str] = []


@app.command()
def why(
    context: typer.Context,
    processed: Annotated[Path, typer.Argument(help="Processed sound file, as the listener gets it: amplified.")],
    reference: Annotated[Path, typer.Argument(help="Reference sound file, not amplified; it is set to 65 dB SPL.")],
    listener: ListenerOption = "N3",
    json_output: JsonOption = False,
) -> None:
    """Score a sound file against a reference with HAAQI and say what the score is lost to: which term, which frequencies."""
    with guarded(json_output=json_output):
        ear = find_listener(listener, listener_files(settings_of(context)))
        sounds = [read_audio(path) for path in (processed, reference)]
        found, silent = {}, []
        with progress("Scoring") as show:
            for row, side in enumerate(EARS):
                show(row / 2, f"{side} ear")
                one, other = (sound.samples[min(row, len(sound.samples) - 1)] for sound in sounds)
                level = reference_level(other)
                if math.isinf(level):
                    silent.append(side)
                    continue
                rates = sounds[0].rate, sounds[1].rate
                found[side] = explain_haaqi(
                    haaqi_parts(one, other, *rates, ear_of(ear, side), 1, level, seed=0, detailed=True)
                )
        if not found:
            raise CadenzaError(f"{reference} is silent; nothing can be scored against it.")
        data = {side: explanation.as_dict() for side, explanation in found.items()}
        out(json_output, data, lambda console: print_explanations(console, found))
        notes([f"the reference is silent in the {side} channel: no score" for side in silent])
