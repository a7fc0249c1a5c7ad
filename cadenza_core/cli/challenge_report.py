"""What ``cadenza challenge`` says: before a run, while it goes on, at its end."""

import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import typer

from ..challenge import (
    ChallengeSet,
    DaskPool,
    Estimate,
    LocalPool,
    Plan,
    Pool,
    SceneSet,
    Status,
    Summary,
    set_name,
    store_scores,
    time_in_words,
)
from ..errors import CadenzaError
from ..settings import Settings
from .console import notes, progress, table

if TYPE_CHECKING:
    from ..store import ScoredSystem

__all__ = [
    "check_room",
    "do_plan",
    "print_line",
    "say_end",
    "say_need",
    "show_status",
    "store_or_say_why",
]


def show_status(console: Any, found: Status) -> None:
    """Print how far a run has come."""
    what = {"enhance": "Enhancing", "evaluate": "Scoring"}[found.kind]
    facts = ", ".join(f"{key} {value}" for key, value in found.facts.items() if key in {"set", "system", "engine"})
    console.print(f"{what}: {facts}", markup=False)
    listing = table("", ">")
    for name, value in (("done", found.done), ("failed", len(found.failed)), ("left", found.left), ("of", found.total)):
        listing.add_row(name, str(value))
    console.print(listing)
    if found.is_active:
        console.print(f"running: {time_in_words(found.seconds_left)}")
        for song, listener in list(found.running)[:16]:
            console.print(f"  {song} for {listener}", markup=False)
        for song in found.preparing:
            console.print(f"  separating {song}", markup=False)
    elif found.left:
        console.print("not running; the same command goes on with it")
    if not math.isnan(found.mean):
        console.print(f"mean score: {found.mean:.4f}")
    for (song, listener), why in list(found.failed.items())[:20]:
        console.print(f"failed: {song} for {listener}: {why}", markup=False, soft_wrap=True)
    if len(found.failed) > 20:
        console.print(f"... and {len(found.failed) - 20} more (--json lists all)")
    notes(found.notes)


def say_need(plan: Plan, need: Estimate, json_lines: bool, *, final: bool) -> None:
    """Say before the work what it will need."""
    took = time_in_words(need.seconds)
    words = f"{need.pairs} pairs, {need.files} files, about {need.results / 1e9:.2f} GB, {took} on {need.workers} cores"
    if need.cache:
        words += (
            f"; separations: {need.cache / 1e9:.2f} GB in the cache, {time_in_words(need.separation)} if none is there"
        )
    print_line(
        json_lines, {"event": "estimate", **need.as_dict()}, f"{words}." if final or not plan.folder.exists else ""
    )


def print_line(json_lines: bool, event: Mapping[str, Any], words: str) -> None:
    """Print an event for a machine, or words for a person."""
    if json_lines:
        sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    elif words:
        typer.echo(words)


def check_room(need: Estimate) -> None:
    """Refuse to begin what cannot be ended for lack of space.

    Raises
    ------
    CadenzaError
        If there is too little.
    """
    if not need.fits:
        raise CadenzaError(
            f"The results need about {need.results / 1e9:.1f} GB and the separations {need.cache / 1e9:.1f} GB; "
            f"{need.free / 1e9:.1f} and {need.cache_free / 1e9:.1f} GB are free. Choose another disk (--out, --home)."
        )


def do_plan(
    plan: Plan,
    title: str,
    workers: int,
    scheduler: str | None,
    json_lines: bool,
    work: Callable[[Pool, Any, Any], Summary],
) -> Summary:
    """Do a plan here or on a cluster, with its progress."""
    pool: Pool = DaskPool(scheduler) if scheduler else LocalPool(workers)

    def tell(event: Mapping[str, Any]) -> None:
        if json_lines:
            print_line(True, event, "")
        elif event["event"] == "note":  # at once: of workers
            notes([event["message"]])

    try:
        with progress(title) as show:
            return work(pool, show, tell)
    finally:
        pool.close()


def say_end(summary: Summary, json_lines: bool, place: str, *, mean: float = math.nan) -> None:
    """Say how it ended; exit status 1 if not all is done."""
    failed = [{"song": song, "listener": who, "why": why} for (song, who), why in summary.failed.items()]
    data = {"event": "summary", "total": summary.total, "done": summary.before + summary.done, "now": summary.done}
    data |= {"failed": failed, "notes": list(summary.notes), "seconds": round(summary.seconds, 1), "place": place}
    words = f"{summary.before + summary.done} of {summary.total} pairs done ({summary.done} now, in {summary.seconds:.0f} s)"
    if not math.isnan(mean):
        data["mean_score"] = mean
        words += f", mean score {mean:.4f}"
    print_line(json_lines, data, f"{words}: {place}")
    if not json_lines:
        notes(summary.notes)
    if failed and not json_lines:
        for entry in failed[:10]:
            typer.echo(f"failed: {entry['song']} for {entry['listener']}: {entry['why']}", err=True)
        typer.echo(f"{len(failed)} failed; --retry-failed tries them again.", err=True)
    if not summary.is_complete:
        raise typer.Exit(1)


def store_or_say_why(
    plan: Plan,
    data: ChallengeSet | SceneSet,
    system: "ScoredSystem",
    settings: Settings,
    json_lines: bool,
    *,
    replace: bool,
) -> None:
    """Store a run's scores in the database; the table is there already, so a fault of the database is only said."""
    try:
        report = store_scores(plan, data, system, settings, replace=replace)
    except CadenzaError as error:
        print_line(json_lines, {"event": "stored", "error": str(error)}, "")
        notes([f"the scores are in the table, but not in the database: {error}"] if not json_lines else [])
        return
    counts = {"added": report.added, "unchanged": report.unchanged, "replaced": report.replaced}
    facts = {"set": set_name(data), "system": system.name, **counts, "conflicts": report.conflicts}
    words = f"{report.text[:-1]}: {set_name(data)}, {system.name}"
    print_line(json_lines, {"event": "stored", **facts, "notes": list(report.notes)}, words)
    if report.conflicts and not json_lines:
        notes(
            [f"{report.conflicts} scores of {system.name!r} are stored with other values; --replace or --name decides"]
        )
