"""``cadenza propose``: gains that maximise an objective for a song and listener, with the reason for each."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from ..catalog import find_listener, find_song, listener_files
from ..errors import CadenzaError
from ..hearing import DEFAULT_PRESCRIPTION
from ..hearing.thresholds import CALIBRATION_DB_SPL
from ..remix import EARS, Gains, MixSettings, Presets
from ..tuning import Audible, Constraints, Objective, Preference, Proposal, Quality, propose_remix
from ..tuning.objectives import percent
from .console import ExcerptOption, JsonOption, guarded, notes, out, parse_excerpt, progress, settings_of, table
from .hearing import PrescriptionOption
from .root import app
from .separation import SongOption, SystemOption
from .work import ListenerOption

__all__: list[str] = []


class _Aim(StrEnum):
    audibility = "audibility"
    preference = "preference"
    haaqi = "haaqi"


ObjectiveOption = Annotated[
    _Aim,
    typer.Option(
        help="audibility: hear --stems better. preference: raise the lead, --stems, as hearing-impaired listeners do. "
        "haaqi: come nearest to the true stems at --target."
    ),
]


@app.command(name="propose")
def propose_command(
    context: typer.Context,
    song: SongOption,
    listener: ListenerOption,
    objective: ObjectiveOption = _Aim.audibility,
    stems: Annotated[str, typer.Option(help="Stems to be heard, or the lead, with commas.")] = "vocals",
    trade_off: Annotated[float, typer.Option(help="audibility: what a loss of the other stems counts, 0 to 10.")] = 0.5,
    raise_lead: Annotated[
        float | None, typer.Option("--raise", help="preference: dB; left out: as suits the audiogram.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="haaqi: STEM=DB of the true stems; left out: the mixture. Repeatable.")
    ] = None,
    lowest: Annotated[float, typer.Option(help="Lowest gain, dB.")] = -12.0,
    highest: Annotated[float, typer.Option(help="Highest gain, dB.")] = 6.0,
    step: Annotated[float, typer.Option(help="Gains are multiples of it, dB.")] = 0.5,
    loudness: Annotated[float, typer.Option(help="By how much the loudness may change, LU.")] = 1.0,
    peak: Annotated[float, typer.Option(help="Highest true peak, dBTP.")] = -1.0,
    each_ear: Annotated[bool, typer.Option("--each-ear", help="Gains for each ear by itself.")] = False,
    system: SystemOption = "preview",
    excerpt: ExcerptOption = None,
    prescription: PrescriptionOption = DEFAULT_PRESCRIPTION,
    unaided: Annotated[bool, typer.Option("--unaided", help="The listener has no amplification.")] = False,
    calibration: Annotated[float, typer.Option(help="Level of 0 dB FS at the ear, dB SPL.")] = CALIBRATION_DB_SPL,
    seed: Annotated[int, typer.Option(min=0, help="Of the search's random starts.")] = 0,
    save: Annotated[str | None, typer.Option(help="Save it as a preset of this song and listener.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Propose a remix: gains that maximise an objective under constraints, with the reason for each dB."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        found, cut, ear = (
            find_song(song, settings),
            parse_excerpt(excerpt),
            find_listener(listener, listener_files(settings)),
        )
        chosen = tuple(name.strip() for name in stems.split(","))
        aim = _objective(objective, chosen, trade_off, raise_lead, Gains.parse(target or []))
        constraints = Constraints(lowest, highest, step, loudness, peak, linked=not each_ear)
        with progress(f"Proposing a remix of {found.id} for {ear.id}") as show:
            result, said = propose_remix(
                found,
                ear,
                system,
                cut,
                aim,
                constraints,
                settings,
                prescription=None if unaided else prescription,
                calibration_db_spl=calibration,
                seed=seed,
                progress=show,
            )
        data: dict[str, Any] = {"song": found.id, "excerpt": str(cut), "listener": listener, "system": system}
        data |= {"prescription": None if unaided else prescription, **result.as_dict(), "preset": save}
        if save is not None:
            now = MixSettings(
                hear="remix" if unaided else "aided", prescription=prescription, calibration_db_spl=calibration
            )
            presets = Presets(settings.own / "presets")
            presets.save(found.id, listener, save, result.settings(now), result.description)
        out(json_output, data, lambda console: _show(console, result))
        notes([*said, *result.notes])
        notes([f"limit reached: {limit}" for limit in result.limits])


def _objective(
    aim: _Aim, stems: tuple[str, ...], trade_off: float, raise_lead: float | None, target: Gains
) -> Objective:
    if aim is not _Aim.preference and raise_lead is not None:
        raise CadenzaError(f"--raise is for --objective preference, not {aim.value}.")
    if aim is not _Aim.haaqi and not target.is_unity:
        raise CadenzaError(f"--target is for --objective haaqi, not {aim.value}.")
    if aim is _Aim.audibility:
        return Audible(stems, trade_off)
    return Preference(stems, raise_lead) if aim is _Aim.preference else Quality(target)


def _show(console: Any, result: Proposal) -> None:
    console.print(result.summary)
    if not result.improved:
        return
    listing = table("stem", *(f"{ear} dB>" for ear in EARS), "audible before>", "after>")
    for stem in result.audible_before:
        gains = [f"{result.gains.decibels[stem, ear]:+.1f}" for ear in EARS]
        shares = [percent(share[stem]) for share in (result.audible_before, result.audible_after)]
        listing.add_row(stem, *gains, *shares)
    console.print(listing)
    for reason in result.reasons:
        console.print(f"- {reason.words}")
    before, after = result.levels_before, result.levels_after
    levels = f"Loudness {before.loudness:.1f} → {after.loudness:.1f} LUFS"
    levels = f"{levels}, true peak {before.true_peak:.1f} → {after.true_peak:.1f} dBTP"
    console.print(f"{levels}; {result.evaluations} mixes in {result.seconds:.1f} s")
