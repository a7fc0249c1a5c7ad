"""Runs that the studio keeps: each in a folder of its own below its home, with what it was set up with.

``<home>/challenge/<set>-<system>-<n>/run.json``, and beside it what the commands would write there: ``enhanced_signals``,
``scores.csv``, ``submission_<team>.zip``, ``validation.json``. The same runs can be gone on with from a shell.
"""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..catalog.musdb import metadata_folders, tree_of
from ..errors import CadenzaError
from ..files import atomic_file, disk_errors, parse_json
from ..progress import Progress, part, silent
from ..settings import Settings
from ..submission import Report, pack, zip_name
from .cad1 import enhance_plan, evaluate_plan
from .estimate import Estimate, Status, estimate, scoring_seconds, status_of
from .folder import RunFolder
from .gains import gains_from
from .plan import Plan
from .pool import LocalPool
from .run import Summary, run
from .scores import run_scores, scores_of, write_table
from .sets import ChallengeSet, read_set
from .storing import store_scores, system_of
from .tasks import state_of
from .validate import validate_set

__all__ = [
    "STEPS",
    "KeptRun",
    "RunSpec",
    "carry_out",
    "challenge_roots",
    "keep_run",
    "kept_run",
    "kept_runs",
    "look_ahead",
]

#: What can be done with a run, in order.
STEPS = ("enhance", "evaluate", "validate", "pack")
#: Status of runs that nobody works on, by the state of their journal.
_OVER: dict[Path, tuple[str, Status]] = {}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,120}")


@dataclass(frozen=True)
class RunSpec:
    """What a run is set up with.

    Parameters
    ----------
    data : str
        The tree.
    set, system : str
    songs, listeners : tuple of str
        Names; empty: all.
    gains : str
        As `gains_from`: empty, ``proposal`` or ``preset:NAME``.
    compressor : bool
    """

    data: str
    set: str
    system: str
    songs: tuple[str, ...] = ()
    listeners: tuple[str, ...] = ()
    gains: str = ""
    compressor: bool = False

    def read(self) -> ChallengeSet:
        """Read the set."""
        return read_set(Path(self.data), self.set, songs=self.songs, listeners=self.listeners)

    def plan(self, out: Path, settings: Settings) -> Plan:
        """Plan its files."""
        data = self.read()
        of = gains_from(self.gains, (), data, settings)
        return enhance_plan(data, self.system, out, settings, of, compressor=self.compressor)


@dataclass(frozen=True)
class KeptRun:
    """One run of the studio's."""

    folder: Path
    spec: RunSpec

    @property
    def name(self) -> str:
        """Its folder's name."""
        return self.folder.name

    @property
    def table(self) -> Path:
        """The score table."""
        return self.folder / "scores.csv"

    def status(self, step: str) -> Status | None:
        """How far enhancing or scoring has come; None if it was never begun."""
        place = RunFolder(self.folder / ("challenge" if step == "enhance" else "scores.challenge"))
        if not place.exists:
            return None
        if place.is_active():
            return status_of(place)
        state = state_of([place.path / name for name in ("plan.json", "journal.jsonl")])
        known = _OVER.get(place.path)
        if known is None or known[0] != state:  # a page asks every second, and a journal has thousands of lines
            known = _OVER[place.path] = state, status_of(place)
        return known[1]

    def reason(self, key: tuple[str, str], why: str) -> str:
        """Give why a pair failed without the part of paths that its names tell already."""
        for place in ("enhanced_signals/evaluation", "enhanced_signals"):
            why = why.replace(f"{self.folder / place / key[1] / key[0]}{os.sep}", "")
        return why

    def archive(self) -> Path | None:
        """The packed submission, if there is one."""
        return next(iter(sorted(self.folder.glob("submission_*.zip"))), None)

    def validation(self) -> dict[str, Any] | None:
        """What the last check found: ``ok``, ``files``, ``faults``."""
        try:
            content: dict[str, Any] = parse_json((self.folder / "validation.json").read_text(encoding="utf-8"))
            return content
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        """Delete it with all its files.

        Raises
        ------
        CadenzaError
            If it is at work, or cannot be deleted.
        """
        for place in (self.folder / "challenge", self.folder / "scores.challenge"):
            if RunFolder(place).is_active():
                raise CadenzaError(f"{self.name} is at work. Stop it first.")
        with disk_errors(self.folder):
            shutil.rmtree(self.folder)


@dataclass(frozen=True)
class LookAhead:
    """What a run would need: its files, and the time to score them."""

    files: Estimate
    scoring: float


def look_ahead(spec: RunSpec, settings: Settings, workers: int) -> LookAhead:
    """Say what a run would need.

    Raises
    ------
    CadenzaError
        If it cannot be begun: as `read_set` and `enhance_plan`.
    """
    plan = spec.plan(_home(settings) / "new", settings)
    return LookAhead(estimate(plan, settings, workers), scoring_seconds(plan, workers))


def challenge_roots(settings: Settings) -> list[str]:
    """Give the trees among the settings' music that have the challenge's metadata."""
    roots = []
    for place in settings.music:
        try:
            tree = tree_of(place)
            if tree and any(path.glob("musdb18.*.json") for path in metadata_folders(tree) if path.is_dir()):
                roots.append(str(tree.parent.parent if tree.parent.name == "audio" else tree.parent))
        except OSError:
            continue
    return list(dict.fromkeys(roots))


def kept_runs(settings: Settings) -> list[KeptRun]:
    """Give all runs, the newest first; a folder whose ``run.json`` cannot be read is left out."""
    found = []
    for path in _home(settings).glob("*/run.json") if _home(settings).is_dir() else ():
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
            spec = RunSpec(**{**content, "songs": tuple(content["songs"]), "listeners": tuple(content["listeners"])})
            found.append((path.stat().st_mtime, KeptRun(path.parent, spec)))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return [one for _, one in sorted(found, key=lambda entry: (-entry[0], entry[1].name))]


def kept_run(name: str, settings: Settings) -> KeptRun | None:
    """Give the run of a name."""
    return next((one for one in kept_runs(settings) if one.name == name), None) if _NAME.fullmatch(name) else None


def keep_run(spec: RunSpec, settings: Settings) -> KeptRun:
    """Set up a run under a new name; nothing is computed.

    Raises
    ------
    CadenzaError
        If its folder cannot be made.
    """
    home = _home(settings)
    stem = re.sub(r"[^A-Za-z0-9._+-]+", "-", f"{spec.set}-{spec.system}")[:80]
    number = 1
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                (home / f"{stem}-{number}").mkdir()
                break
            except FileExistsError:
                number += 1
    made = KeptRun(home / f"{stem}-{number}", replace(spec, data=str(Path(spec.data).absolute())))
    with atomic_file(made.folder / "run.json") as temporary:
        temporary.write_text(json.dumps(asdict(made.spec), indent=1), encoding="utf-8")
    return made


def carry_out(
    kept: KeptRun,
    steps: Sequence[str],
    settings: Settings,
    *,
    workers: int = 0,
    politeness: int = 0,
    retry_failed: bool = False,
    team: str = "T001",
    progress: Progress = silent,
) -> tuple[str, ...]:
    """Do some of the steps, each as far as it is not done; give notes for the user.

    Raises
    ------
    CadenzaError
        If a step cannot be done; or from `progress`.
    """
    notes: list[str] = []
    chosen = [step for step in STEPS if step in steps]
    for number, step in enumerate(chosen):
        show = part(progress, number / len(chosen), (number + 1) / len(chosen))
        pool = LocalPool(workers, politeness=politeness) if step in {"enhance", "evaluate"} else None
        if step == "enhance":
            assert pool is not None
            plan = kept.spec.plan(kept.folder, settings)
            notes += _notes(run(plan, pool, retry_failed=retry_failed, progress=_titled(show, "writing")))
        elif step == "evaluate":
            assert pool is not None
            notes += _evaluate(kept, settings, pool, retry_failed, _titled(show, "scoring"))
        elif step == "validate":
            _validate(kept, _titled(show, "checking"))
        else:
            pack(kept.folder, team, kept.folder / zip_name(team), progress=_titled(show, "packing"))
    return tuple(notes)


def _evaluate(kept: KeptRun, settings: Settings, pool: LocalPool, retry_failed: bool, progress: Progress) -> list[str]:
    data = kept.spec.read()
    plan = evaluate_plan(data, kept.folder, kept.table)

    def write() -> None:
        write_table(plan.folder, kept.table, scores_of(plan.keys, plan.folder.journal().done))

    summary = run_scores(plan, pool, write, retry_failed=retry_failed, progress=progress)
    try:
        report = store_scores(plan, data, system_of(kept.folder, settings), settings)
    except CadenzaError as error:
        return [*_notes(summary), f"the scores are in the table, but not in the database: {error}"]
    conflicts = (
        f"{report.conflicts} scores are in the database with other values, which stay" if report.conflicts else ""
    )
    return [*_notes(summary), *filter(None, [conflicts])]


def _validate(kept: KeptRun, progress: Progress) -> Report:
    report = validate_set(kept.folder, kept.spec.read(), progress=progress)
    faults = [{"path": f.path, "code": f.code, "severity": f.severity, "message": f.message} for f in report.faults]
    content = {"ok": report.ok, "files": report.files, "pairs": report.pairs, "faults": faults}
    with atomic_file(kept.folder / "validation.json") as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return report


def _notes(summary: Summary) -> list[str]:
    failed = [f"{len(summary.failed)} pairs have failed"] if summary.failed else []
    return [*summary.notes, *failed]


def _titled(progress: Progress, title: str) -> Progress:
    return lambda done, text: progress(done, f"{title}: {text}")


def _home(settings: Settings) -> Path:
    return settings.home / "challenge"
