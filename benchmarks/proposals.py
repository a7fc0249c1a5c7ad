"""Proposals against equal gains, on their own objective: two real songs and the demo, three severities, each objective.

Excerpts of 10 s, stems of the system `preview`. The search is run twice where a mix is judged in milliseconds, to see that it
gives the same. Seconds are from the stems to the reasons; CPU seconds tell what the machine's other work hid.
"""

import argparse
import time
from dataclasses import dataclass

from benchmarks import SHARED_DATA, header, table
from cadenza_core.catalog import Excerpt, Song, demo_song, songs_in, standard_listeners
from cadenza_core.quality import warm_up
from cadenza_core.remix import EARS, Gains
from cadenza_core.separation import separate
from cadenza_core.settings import Settings
from cadenza_core.tuning import Audible, Material, Objective, Preference, Proposal, Quality, propose

EXCERPT = Excerpt(12.0, 22.0)
LISTENERS = {"N2": "mild", "N4": "moderate", "N6": "severe"}
OBJECTIVES: dict[str, Objective] = {
    "vocals audible": Audible(("vocals",)),
    "lead raised": Preference(("vocals",)),
    "HAAQI, mixture": Quality(),
    "HAAQI, vocals +6": Quality(Gains.parse(["vocals=6"])),
}


@dataclass(frozen=True)
class Run:
    """A proposal and what it took."""

    proposal: Proposal
    seconds: float
    cpu: float
    again: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=3, help="how many of the songs to do; the demo is the first")
    parser.add_argument("--without-haaqi", action="store_true", help="leave out what takes longest")
    options = parser.parse_args()
    bar = "better than equal gains or said not to be; under 30 s for 10 s on two cores; the same again"
    header("Proposals", bar, ("numpy", "numba", "pyclarity"))
    songs = _songs()[: options.songs]
    warm_up()
    rows, slowest, worse = [], 0.0, 0
    for song in songs:
        for listener in LISTENERS:
            for name, objective in OBJECTIVES.items():
                if options.without_haaqi and objective.name == "haaqi":
                    continue
                run = _run(song, listener, objective)
                slowest, worse = max(slowest, run.seconds), worse + (run.proposal.after < run.proposal.before)
                rows.append(_row(song, listener, name, run))
                print("  " + ", ".join(str(cell) for cell in rows[-1]), flush=True)
    print()
    columns = (
        "song",
        "listener",
        "objective",
        "equal",
        "proposal",
        "better",
        "vocals/drums/bass/other",
        "mixes",
        "s",
        "CPU s",
    )
    table((*columns, "same again"), rows)
    better = sum(row[5] == "yes" for row in rows)
    print(
        f"\n{better} of {len(rows)} better, {len(rows) - better} said not to be, {worse} worse; slowest: {slowest:.1f} s."
    )


def _run(song: Song, listener: str, objective: Objective) -> Run:
    stems, truth = separate(song, "preview", Settings.load(), EXCERPT).stems, song.stems(EXCERPT)
    began, cpu = time.perf_counter(), time.process_time()
    material = Material(song.name, standard_listeners()[listener], stems, truth)
    proposal = propose(objective, material)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    again = "-"
    if objective.name != "haaqi":
        again = "yes" if propose(objective, material).gains == proposal.gains else "NO"
    return Run(proposal, seconds, cpu, again)


def _row(song: Song, listener: str, name: str, run: Run) -> tuple[object, ...]:
    proposal = run.proposal
    gains = "/".join(f"{proposal.gains.decibels[stem, EARS[0]]:+g}" for stem in ("vocals", "drums", "bass", "other"))
    better = "yes" if proposal.improved else "cannot"
    numbers = proposal.evaluations, f"{run.seconds:.1f}", f"{run.cpu:.1f}", run.again
    who = f"{listener} ({LISTENERS[listener]})"
    return song.name.rpartition(" - ")[2], who, name, *proposal.shown, better, gains, *numbers


def _songs() -> list[Song]:
    tree = SHARED_DATA / "musdb18hq"
    if not tree.is_dir():
        print(f"The real songs are not at {tree}: the demo song alone is used.\n")
    return [demo_song(Settings.load()), *(songs_in(tree) if tree.is_dir() else [])]


if __name__ == "__main__":
    main()
