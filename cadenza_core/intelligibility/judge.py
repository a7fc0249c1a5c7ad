"""Score all clips of a split with a recogniser or with STOI, into a score file that can be interrupted.

Each clip's line is flushed to disk when it is done; a killed run goes on behind the last whole line, and ends with the same
file as one that was not. One faulty clip does not stop the others.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..audio import Audio
from ..errors import CadenzaError
from ..files import atomic_file, disk_errors, parse_json
from ..progress import Progress, part, silent
from ..separation import Separator
from .clips import Clip, ClipFolder
from .enhance import clip_stems, enhanced_reader, reader_of
from .recognisers import Heard, Recogniser, listen
from .scores import read_lines
from .stoi import stoi_by_ear
from .words import Rules

__all__ = ["Judged", "RecogniserJudge", "StoiJudge", "judge_clips"]


@dataclass(frozen=True)
class RecogniserJudge:
    """The share of words that a recogniser gets with the better ear; its transcripts are kept."""

    recogniser: Recogniser
    rules: Rules = Rules.WRITTEN

    @property
    def name(self) -> str:
        """What its scores are called, without the source."""
        return self.recogniser.id

    def identity(self) -> Mapping[str, Any]:
        """Give what the scores depend on."""
        return {**self.recogniser.identity(), "rules": self.rules.value}

    def check(self) -> None:
        """Raise CadenzaError if it cannot be used."""
        if reason := self.recogniser.unavailable_reason():
            raise CadenzaError(reason)

    def __call__(
        self, clip: Clip, folder: ClipFolder, sound: Audio, progress: Progress
    ) -> tuple[float, dict[str, Any]]:
        """Give a clip's score and what is kept with it."""
        heard = listen(self.recogniser, sound, clip.prompt, rules=self.rules, progress=progress)
        return heard.correctness, {ear: _ear_record(heard, ear) for ear in heard.transcripts}


def _ear_record(heard: Heard, ear: str) -> dict[str, Any]:
    transcript, alignment = heard.transcripts[ear], heard.alignments[ear]
    record = {"text": transcript.text, "hits": alignment.hits, "words": alignment.words}
    return record if transcript.confidence is None else {**record, "confidence": round(transcript.confidence, 6)}


@dataclass(frozen=True)
class StoiJudge:
    """STOI against the vocals that a separation system finds in the unprocessed signal."""

    system: Separator
    name = "stoi"

    def identity(self) -> Mapping[str, Any]:
        """Give what the scores depend on."""
        return {"stoi": "pystoi", "system": self.system.info.id, **self.system.identity()}

    def check(self) -> None:
        """Raise CadenzaError if it cannot be used."""
        if reason := self.system.unavailable_reason():
            raise CadenzaError(reason)

    def __call__(
        self, clip: Clip, folder: ClipFolder, sound: Audio, progress: Progress
    ) -> tuple[float, dict[str, Any]]:
        """Give a clip's score and what is kept with it."""
        stems = clip_stems(self.system, folder.unprocessed(clip), progress)
        ears = stoi_by_ear(Audio(stems["vocals"], stems.rate), sound)
        return max(ears.values()), ears


@dataclass(frozen=True)
class Judged:
    """What became of a split.

    Parameters
    ----------
    path : Path
        The score file.
    score : str
        Name of the score in it.
    made, kept : int
        Clips scored now, and found scored from before.
    faults : mapping of str to str
        By signal, why it could not be scored.
    """

    path: Path
    score: str
    made: int
    kept: int
    faults: Mapping[str, str]


def judge_clips(
    folder: ClipFolder,
    judge: RecogniserJudge | StoiJudge,
    path: Path,
    *,
    source: str = "signals",
    enhanced: Path | None = None,
    progress: Progress = silent,
) -> Judged:
    """Score all clips of a split.

    Parameters
    ----------
    folder : ClipFolder
    judge : RecogniserJudge or StoiJudge
    path : Path
        The score file (.jsonl), and beside it a record of what made it.
    source : {"signals", "unprocessed"}
    enhanced : Path, optional
        A folder of enhanced clips to take instead.
    progress : Progress
        May raise Cancelled.

    Raises
    ------
    CadenzaError
        If the judge cannot be used, the file holds scores of something else, or it cannot be written.
    """
    judge.check()
    read = enhanced_reader(enhanced, folder) if enhanced else reader_of(folder, source)
    kind = enhanced.name if enhanced else {"signals": "mixture"}.get(source, source)
    score = f"{judge.name}.{kind}" if judge.name != "stoi" or kind != "mixture" else judge.name
    facts = {"score": score, "judge": dict(judge.identity()), "split": folder.split, "source": kind}
    done = _resume(path, facts)
    kept, faults = len(done), {}
    with disk_errors(path), path.open("a", encoding="utf-8") as file:
        for number, clip in enumerate(folder.clips):
            progress(number / len(folder), f"{number + 1} of {len(folder)}: {clip.signal}")
            if clip.signal in done:
                continue
            show = part(progress, number / len(folder), (number + 1) / len(folder))
            try:
                value, record = judge(clip, folder, read(clip), show)
            except CadenzaError as error:
                if type(error) is not CadenzaError:  # cancelled, weights missing: true of all
                    raise
                faults[clip.signal] = str(error)
                continue
            file.write(json.dumps({"signal": clip.signal, score: value, **record}, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
            done.add(clip.signal)
    progress(1.0, "done")
    return Judged(path, score, len(done) - kept, kept, faults)


def _resume(path: Path, facts: Mapping[str, Any]) -> set[str]:
    """Give the signals that are done; cut off what a killed run left of a line; refuse a file of something else."""
    note = path.with_name(f"{path.name}.about.json")
    if not path.exists():
        with atomic_file(note) as temporary:
            temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        return set()
    try:
        found = parse_json(note.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CadenzaError(
            f"{path} is there, but {note.name} does not say what made it. Choose another file."
        ) from error
    if found != json.loads(json.dumps(facts)):
        raise CadenzaError(f"{path} holds scores of other settings ({note.name} tells which). Choose another file.")
    rows = read_lines(path, unfinished=True)
    whole = path.read_bytes().rpartition(b"\n")
    if whole[2]:
        with atomic_file(path) as temporary:
            temporary.write_bytes(whole[0] + whole[1])
    return {row["signal"] for row in rows}
