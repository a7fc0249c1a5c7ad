"""``cadenza remix``, ``score``, ``export`` and ``validate``: from stems to files and numbers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..audio import RATE, read_audio, write_audio
from ..audio.levels import measure
from ..catalog import Song, find_listener, find_song, listener_files
from ..catalog.segments import Segments, read_segments
from ..errors import CadenzaError
from ..hearing import DEFAULT_PRESCRIPTION, Compressor, ear_of, get_prescription
from ..hearing.prescriptions import HAAQI_NOTE
from ..progress import part
from ..quality import check_haaqi, engine_by_name, reference_level, score_remix, write_scores
from ..quality.haaqi import Engine
from ..remix import EARS, Gains, mix, render
from ..separation import separate
from ..submission import export_pair, find_prescription, find_segments, pack, score_pair, validate
from .console import (
    ExcerptOption,
    JsonOption,
    guarded,
    notes,
    out,
    parse_excerpt,
    print_explanations,
    progress,
    settings_of,
    table,
)
from .hearing import PrescriptionOption
from .root import app
from .separation import SongOption, SystemOption

__all__: list[str] = []

#: Highest true peak of a remix that is written, dBTP: what EBU R 128 allows.
CEILING = -1.0

ListenerOption = Annotated[str, typer.Option(help="Listener: an id, FILE.json:ID, or standard ones such as N3, N2-S1.")]
GainOption = Annotated[list[str] | None, typer.Option(help="STEM=DB or STEM.left=DB, such as vocals=3; repeatable.")]
CompressorOption = Annotated[bool, typer.Option("--compressor", help="The recipe's compressor after NAL-R.")]
ReferenceOption = Annotated[bool, typer.Option("--reference", help="HAAQI by pyclarity itself: the same, far slower.")]
SegmentsOption = Annotated[
    Path | None, typer.Option(help="musdb18.segments.test.json: cut to the evaluation's excerpts.")
]


@app.command()
def remix(
    context: typer.Context,
    song: SongOption,
    to: Annotated[Path, typer.Option("--out", help="WAV or FLAC file to write.")],
    listener: Annotated[str | None, typer.Option(help="Amplify for this listener.")] = None,
    system: SystemOption = "preview",
    gain: GainOption = None,
    excerpt: ExcerptOption = None,
    prescription: PrescriptionOption = DEFAULT_PRESCRIPTION,
    compressor: CompressorOption = False,
    keep_level: Annotated[
        bool, typer.Option("--keep-level", help="Clip what exceeds full scale; do not lower it.")
    ] = False,
    score: Annotated[bool, typer.Option("--score", help="HAAQI against the same remix of the true stems.")] = False,
    reference: ReferenceOption = False,
    json_output: JsonOption = False,
) -> None:
    """Remix a song's stems, amplified for a listener, to a 24-bit file in time with the song."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        found, cut, gains = find_song(song, settings), parse_excerpt(excerpt), Gains.parse(gain or [])
        ear = None if listener is None else find_listener(listener, listener_files(settings))
        if to.suffix.lower() not in {".wav", ".flac"}:
            raise CadenzaError(f"{to} must end with .wav or .flac.")
        chosen = get_prescription(prescription)
        if ear is None and (compressor or score or prescription != DEFAULT_PRESCRIPTION):
            raise CadenzaError("--prescription, --compressor and --score need a --listener.")
        with progress(f"Remixing {found.id}") as show:
            stems = separate(found, system, settings, cut, progress=part(show, 0.0, 0.5 if score else 0.9))
            broadband = Compressor() if compressor else None
            sound = render(stems.stems, RATE, gains, listener=ear, prescription=prescription, compressor=broadband)
            lowered = 0.0 if keep_level else max(0.0, measure(sound, RATE).true_peak - CEILING)
            heard = sound * 10.0 ** (-lowered / 20.0)
            write_audio(to, heard, RATE, subtype="PCM_24")
            haaqi = None
            if score and ear is not None:
                truth = mix(found.stems(cut), gains)
                rest = part(show, 0.5, 1.0)
                haaqi = score_remix(found.name, ear, sound, truth, RATE, engine=_engine(reference), progress=rest)
        levels = measure(heard, RATE)
        data: dict[str, Any] = {"file": str(to), "song": found.id, "excerpt": str(cut), "system": system}
        data |= {"listener": listener, "gains_db": gains.as_dict(), "sample_rate": RATE, **levels.as_dict()}
        data["prescription"] = chosen.record() if ear else None
        data["lowered_db"] = round(lowered, 3)
        if haaqi:
            data["haaqi"] = {"left": haaqi.left, "right": haaqi.right, "mean": haaqi.score}
            data["engine"] = _engine_name(reference)
        listing = table("", ">")
        for key, value in levels.as_dict().items():
            listing.add_row(key, str(value))
        for side, value in data.get("haaqi", {}).items():
            listing.add_row(f"HAAQI {side}", f"{value:.4f}")
        out(json_output, data, lambda console: console.print(listing))
        notes(stems.notes)
        if haaqi and prescription != DEFAULT_PRESCRIPTION:
            notes([HAAQI_NOTE.format(chosen.title)])
        if lowered:
            notes([f"lowered by {lowered:.1f} dB, to a true peak of {CEILING:g} dB; --keep-level clips it instead"])
        if levels.clipped:
            notes([f"{levels.clipped} samples were beyond full scale and are clipped in the file; lower the gains"])


@app.command()
def export(
    context: typer.Context,
    song: SongOption,
    listener: ListenerOption,
    to: Annotated[Path, typer.Option("--out", help="Folder; enhanced_signals/ is made in it.")],
    system: SystemOption = "preview",
    segments: SegmentsOption = None,
    zipped: Annotated[bool, typer.Option("--zip", help="Also pack submission_<TEAM>.zip.")] = False,
    team: Annotated[str, typer.Option(help="Team id in the zip's name.")] = "T001",
    gain: GainOption = None,
    prescription: PrescriptionOption = DEFAULT_PRESCRIPTION,
    compressor: CompressorOption = False,
    json_output: JsonOption = False,
) -> None:
    """Write the challenge's files of one song and listener: eight stems with scale files, and the remix."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        found, ear = find_song(song, settings), find_listener(listener, listener_files(settings))
        cut = None if segments is None else _segments_of(segments, found)
        with progress(f"Exporting {found.id} for {ear.id}") as show:
            made = export_pair(
                found,
                ear,
                system,
                settings,
                to,
                segments=cut,
                gains=Gains.parse(gain or []),
                prescription=prescription,
                compressor=Compressor() if compressor else None,
                progress=show,
            )
            archive = pack(to / "enhanced_signals", team, to) if zipped else None
        written = made.written
        data = {
            "folder": str(written.folder),
            "files": [str(path) for path in written.files],
            "record": str(made.record),
            "prescription": get_prescription(prescription).record(),
            "zip": None if archive is None else str(archive),
            "remix_peak": written.remix_peak,
            "remix_samples_beyond_full_scale": written.clipped,
            "notes": [*made.separation.notes, *written.notes],
        }

        def show_files(console: Any) -> None:
            console.print(f"{len(written.files)} files in {written.folder}", soft_wrap=True)
            if archive:
                console.print(f"packed: {archive}", soft_wrap=True)

        out(json_output, data, show_files)
        notes([*made.separation.notes, *written.notes])
        if prescription != DEFAULT_PRESCRIPTION:
            notes([f"amplified by {get_prescription(prescription).title}; the challenge's baseline takes NAL-R"])
        if written.clipped:
            share = written.clipped / written.remix_samples
            notes([f"{written.clipped} samples of the remix ({share:.2%}) were beyond full scale and are soft-clipped"])


def _segments_of(path: Path, song: Song) -> Segments:
    known = read_segments(path)
    if song.name not in known:
        raise CadenzaError(f"{path} has no segments for {song.name!r}; it has {len(known)} songs.")
    return known[song.name]


@app.command()
def score(
    context: typer.Context,
    song: SongOption,
    listener: ListenerOption,
    enhanced: Annotated[Path, typer.Option(help="The folder enhanced_signals of an export or a submission.")],
    csv: Annotated[Path | None, typer.Option(help="Write the scores as the challenge's scores.csv.")] = None,
    segments: SegmentsOption = None,
    reference: ReferenceOption = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say what each score is lost to, and where.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Score exported files of one song and listener with HAAQI, as the challenge's recipe (pyclarity 0.9.0) does."""
    with guarded(json_output=json_output):
        settings = settings_of(context)
        found, ear = find_song(song, settings), find_listener(listener, listener_files(settings))
        if segments is not None:
            cut: Segments | None = _segments_of(segments, found)
        else:
            cut = find_segments(enhanced, ear.id, found.name)
            if cut:
                notes([f"the export's record says that the stems are cut to {cut.objective[0]}-{cut.objective[1]} s"])
        with progress(f"Scoring {found.id} for {ear.id}") as show:
            engine = _engine(reference)
            pair = score_pair(found, ear, enhanced, segments=cut, engine=engine, explain=explain, progress=show)
        if csv:
            write_scores(csv, [pair])
        data = {"song": pair.song, "listener": pair.listener, "score": pair.score, **pair.haaqi}
        listing = table("stem", "left>", "right>")
        for stem in ("vocals", "drums", "bass", "other"):
            listing.add_row(stem, *(f"{pair.haaqi[f'{side}_{stem}']:.4f}" for side in ("left", "right")))
        listing.add_row("mean of all", f"{pair.score:.4f}", "")
        title = find_prescription(enhanced, ear.id, found.name)
        said = [*pair.notes]
        if title and title != get_prescription(DEFAULT_PRESCRIPTION).title:
            said.append(HAAQI_NOTE.format(title))
        data |= {"engine": _engine_name(reference), "notes": said}
        if explain:
            data["why"] = {name: explanation.as_dict() for name, explanation in pair.explanations.items()}

        def show_scores(console: Any) -> None:
            console.print(listing)
            print_explanations(console, pair.explanations)

        out(json_output, data, show_scores)
        notes([f"HAAQI by the {_engine_name(reference)} engine", *said])


def _engine_name(reference: bool) -> str:
    return "reference" if reference else "fast"


def _engine(reference: bool) -> Engine:
    return engine_by_name(_engine_name(reference))


@app.command(name="check-haaqi")
def check_haaqi_command(
    context: typer.Context,
    processed: Annotated[Path, typer.Argument(help="Processed sound file.")],
    reference: Annotated[Path, typer.Argument(help="Reference sound file.")],
    listener: ListenerOption = "N3",
    json_output: JsonOption = False,
) -> None:
    """Score two of your own files with the fast HAAQI and with pyclarity's; exit status 1 if they disagree by over 1e-4."""
    with guarded(json_output=json_output):
        ear = find_listener(listener, listener_files(settings_of(context)))
        sounds = [read_audio(path) for path in (processed, reference)]
        rows = {}
        with progress("Comparing the engines") as show:
            for row, side in enumerate(EARS):
                show(row / 2, f"{side} ear")
                one, other = (sound.samples[min(row, len(sound.samples) - 1)] for sound in sounds)
                level = reference_level(other)
                rows[side] = check_haaqi(one, other, sounds[0].rate, sounds[1].rate, ear_of(ear, side), 1, level)
        data = {
            side: {"fast": r.fast, "reference": r.reference, "difference": r.difference} for side, r in rows.items()
        }
        listing = table("ear", "fast>", "reference>", "difference>")
        for side, check in rows.items():
            listing.add_row(side, f"{check.fast:.9f}", f"{check.reference:.9f}", f"{check.difference:.1e}")
        out(json_output, data, lambda console: console.print(listing))
        if not all(check.agrees for check in rows.values()):
            raise typer.Exit(1)


@app.command(name="validate")
def validate_command(
    path: Annotated[Path, typer.Argument(help="A folder enhanced_signals (or the one above) or a submission's zip.")],
    segments: Annotated[Path | None, typer.Option(help="Segments file: lengths of an evaluation set's files.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Check a submission file by file and name every fault; exit status 0 only if there is none."""
    with guarded(json_output=json_output):
        lengths = {song: cut.durations for song, cut in read_segments(segments).items()} if segments else None
        with progress(f"Validating {path.name}") as show:
            report = validate(path, durations=lengths, progress=show)
        faults = [{"path": f.path, "code": f.code, "severity": f.severity, "message": f.message} for f in report.faults]
        data = {"ok": report.ok, "files": report.files, "pairs": report.pairs, "faults": faults}

        def show_faults(console: Any) -> None:
            for fault in report.faults:
                console.print(
                    f"{fault.severity}: {fault.path}: {fault.message} ({fault.code})", soft_wrap=True, markup=False
                )
            errors = sum(fault.severity == "error" for fault in report.faults)
            console.print(
                f"{report.pairs} pairs, {report.files} files, {errors} errors, {len(faults) - errors} warnings"
            )

        out(json_output, data, show_faults)
        if not report.ok:
            raise typer.Exit(1)
