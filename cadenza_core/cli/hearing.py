"""``cadenza prescriptions`` and ``cadenza audibility``: how a listener is amplified for, and what is heard of each stem."""

import math
from typing import Annotated, Any

import numpy as np
import typer

from ..catalog import find_listener, find_song, listener_files
from ..hearing import DEFAULT_PRESCRIPTION, get_prescription, prescriptions
from ..hearing.audibility import EARS, PERCENTILES, Audibility, AudibilityModel, band_powers
from ..hearing.prescriptions import ear_responses
from ..hearing.thresholds import BANDS, CALIBRATION_DB_SPL, check_calibration
from ..progress import part
from ..remix import Gains
from ..separation import separate
from .console import ExcerptOption, JsonOption, guarded, notes, out, parse_excerpt, progress, settings_of, table
from .root import app
from .separation import SongOption, SystemOption

__all__ = ["PrescriptionOption"]

PrescriptionOption = Annotated[
    str, typer.Option(help="How to amplify (`cadenza prescriptions`); the challenge's is NAL-R.")
]


@app.command(name="prescriptions")
def list_prescriptions(json_output: JsonOption = False) -> None:
    """List the prescriptions: formulas from an audiogram to amplification, with their sources."""
    with guarded(json_output=json_output):
        rows = [{**one.record(), "live_in_the_mixer": one.is_linear, "note": one.note} for one in prescriptions()]
        listing = table("id", "title", "live", "source")
        for one in prescriptions():
            listing.add_row(one.id, one.title, "yes" if one.is_linear else "no", one.source)
        out(json_output, rows, lambda console: console.print(listing))


@app.command()
def audibility(
    context: typer.Context,
    song: SongOption,
    listener: Annotated[str, typer.Option(help="An id, FILE.json:ID, or standard ones such as N3, N2-S1.")],
    system: SystemOption = "preview",
    gain: Annotated[list[str] | None, typer.Option(help="STEM=DB or STEM.left=DB; repeatable.")] = None,
    master: Annotated[float, typer.Option(help="Gain of the whole mix, dB.")] = 0.0,
    excerpt: ExcerptOption = None,
    prescription: PrescriptionOption = DEFAULT_PRESCRIPTION,
    calibration: Annotated[float, typer.Option(help="Level of 0 dB FS at the ear, dB SPL.")] = CALIBRATION_DB_SPL,
    json_output: JsonOption = False,
) -> None:
    """Tell how much of each stem a listener hears in a mix, with and without amplification, and what masks it most."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        found, cut, gains = find_song(song, settings), parse_excerpt(excerpt), Gains.parse(gain or [])
        ears = find_listener(listener, listener_files(settings))
        check_calibration(calibration)
        response = ear_responses(ears, prescription)
        with progress(f"Listening to {found.id} for {ears.id}") as show:
            stems = separate(found, system, settings, cut, progress=part(show, 0.0, 0.8))
            sound = band_powers(stems.stems, stems.stems.rate, progress=part(show, 0.8, 1.0))
        models = {
            kind: AudibilityModel(sound, ears, calibration_db_spl=calibration, response_db=each)
            for kind, each in (("unaided", None), ("aided", response))
        }
        reports = {kind: model.report(gains.decibels, master) for kind, model in models.items()}
        data: dict[str, Any] = {"song": found.id, "excerpt": str(cut), "system": system, "listener": listener}
        data |= {"prescription": get_prescription(prescription).record(), "calibration_db_spl": calibration}
        data |= {"gains_db": gains.as_dict(), "master_db": master, "bands_hz": BANDS.round(1).tolist()}
        data["threshold_db_spl"] = _by_ear(models["aided"].threshold_db)
        data |= {kind: _as_dict(models[kind], reports[kind], gains, master) for kind in models}
        columns = ("unaided, both ears>", "aided, both ears>", "left>", "right>", "alone>", "masked most by")
        listing = table("stem", *columns, title="Audible share of each stem's energy, in the mix")
        for row, name in enumerate(sound.names):
            aided = reports["aided"]
            shown = [reports["unaided"].total[row], aided.total[row], *aided.shares[row]]
            by = f"{aided.maskers[row]} (-{aided.masked[row]:.1%})" if aided.maskers[row] else "nothing"
            listing.add_row(name, *map(_percent, shown), _percent(models["aided"].total(aided.alone)[row]), by)
        out(json_output, data, lambda console: console.print(listing))
        notes(stems.notes)
        if not json_output:
            title = get_prescription(prescription).title
            notes([f"0 dB FS taken as {calibration:g} dB SPL; the last five columns with {title}"])


def _percent(value: float) -> str:
    return "silent" if math.isnan(value) else f"{value:.1%}"


def _by_ear(values: np.ndarray) -> dict[str, Any]:
    return {ear: values[row].round(2).tolist() for row, ear in enumerate(EARS)}


def _as_dict(model: AudibilityModel, report: Audibility, gains: Gains, master: float) -> dict[str, Any]:
    levels, masking = model.levels(gains.decibels, master), model.masking(gains.decibels, master)
    stems = {}
    for row, name in enumerate(report.names):
        shares = {ear: float(report.shares[row, column]) for column, ear in enumerate(EARS)}
        alone = {ear: float(report.alone[row, column]) for column, ear in enumerate(EARS)}
        stems[name] = {
            "audible": {**shares, "both": float(report.total[row])},
            "audible_alone": alone,
            "masked_most_by": report.maskers[row],
            "masked_share": float(report.masked[row]),
            "masked_threshold_db_spl": _by_ear(masking[row]),
            **{f"level_p{share:.0f}_db_spl": _by_ear(levels[place, row]) for place, share in enumerate(PERCENTILES)},
        }
    return {"stems": stems}
