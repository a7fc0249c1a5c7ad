"""Check that a module follows HEAR's API, and behaves: in a process of its own, under limits of time and memory.

All of `hear-validator` 2021.0.6 is checked (the functions, the model's type and attributes, timestamps of clips of 1.07, 1.98
and 4 s, scenes of 2.74 s), and what it leaves out: the timestamps' type, whether the same sound gives the same numbers, alone
and in a batch, silence and clips shorter than a frame, and 20 min of audio: memory (16 GB), times up to the end, drift.

The module is somebody else's program: it may crash, hang or eat all memory. It runs in a child process (`validator_checks`)
that writes down what it begins and what it finds; this one waits, and ends it when a check takes too long.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CadenzaError
from ..progress import Progress, silent

__all__ = ["Finding", "Report", "validate"]

#: Checks in the order in which they are made.
CHECKS = {
    "import": "the module and its three functions",
    "load": "load_model",
    "attributes": "sample rate and sizes",
    "timestamps": "timestamp embeddings of 1.07, 1.98 and 4 s",
    "scenes": "scene embeddings",
    "repeat": "the same sound again",
    "batch": "alone and in a batch",
    "extremes": "silence, full scale, short clips",
    "long": "long audio",
    "drift": "drift over long audio",
}
_POLL = 0.05  # s
_STARTING = 600.0  # s


@dataclass(frozen=True)
class Finding:
    """One result: which check, its verdict ("ok", "warning" or "error"), and a sentence."""

    check: str
    verdict: str
    text: str


@dataclass(frozen=True)
class Report:
    """All findings of one module.

    Parameters
    ----------
    module : str
    findings : tuple of Finding
    not_run : tuple of str
        Checks that an earlier fault, or the limit of time, left undone.
    seconds : float
    """

    module: str
    findings: tuple[Finding, ...]
    not_run: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What breaks the API or gives numbers that cannot be used."""
        return tuple(finding for finding in self.findings if finding.verdict == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What the API allows and a user would rather not have."""
        return tuple(finding for finding in self.findings if finding.verdict == "warning")

    @property
    def passed(self) -> bool:
        """Whether all checks were made and none found an error."""
        return not self.errors and not self.not_run


def validate(
    module: str,
    model_file: Path | None = None,
    *,
    device: str = "auto",
    minutes: float = 20.0,
    time_limit: float = 600.0,
    memory_limit: float = 16.0,
    progress: Progress = silent,
) -> Report:
    """Check a module.

    Parameters
    ----------
    module : str
        Dotted name.
    model_file : Path, optional
        Given to ``load_model``.
    device : str
        "auto", "cpu", "cuda", ...
    minutes : float >= 0
        Length of the long clip; HEAR asks for up to 20. 0 leaves these checks out.
    time_limit : float, seconds
        For one check.
    memory_limit : float, GB
        Resident memory at which the module is stopped (where the system tells it).
    progress : Progress
        May raise Cancelled; the child is ended.

    Raises
    ------
    CadenzaError
        If the limits are not positive or the child process cannot be started.
    """
    if minutes < 0 or time_limit <= 0 or memory_limit <= 0:
        raise CadenzaError("The length must be 0 or more minutes; the limits of time and memory must be above 0.")
    began = time.monotonic()
    question: dict[str, Any] = {"module": module, "device": device}
    question |= {
        "model_file": str(model_file) if model_file is not None else "",
        "minutes": minutes,
        "memory_limit": memory_limit,
    }
    findings: list[Finding] = []
    wanted = [check for check in CHECKS if minutes > 0 or check not in ("long", "drift")]
    over: list[str] = []
    with tempfile.TemporaryDirectory(prefix="cadenza-hear-") as place:
        for event in _events(Path(place), question, time_limit, progress):
            if "check" in event:
                findings.append(Finding(event["check"], event["verdict"], event["text"]))
            elif "over" in event:
                over.append(event["over"])
            elif "begin" in event:
                text = CHECKS[event["begin"]]
                progress(wanted.index(event["begin"]) / len(wanted), text)
    progress(1.0, "done")
    not_run = tuple(check for check in wanted if check not in over and check not in {one.check for one in findings})
    return Report(module, tuple(findings), not_run, time.monotonic() - began)


def _events(place: Path, question: dict[str, Any], time_limit: float, progress: Progress) -> Iterator[dict[str, Any]]:
    """Give what the child writes, line by line; at the end a finding of our own if it crashed or was ended."""
    notes, log = place / "notes.jsonl", place / "log.txt"
    notes.touch()
    command = [
        sys.executable,
        "-m",
        "cadenza_core.embedding.validator_checks",
        json.dumps({**question, "to": str(notes)}),
    ]
    # What this process finds, the child finds too: the user's folder, and this package wherever it was started.
    paths = [os.getcwd(), *(path for path in sys.path if path)]  # noqa: PTH109
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
    with log.open("wb") as output, notes.open(encoding="utf-8") as lines:
        try:
            child = subprocess.Popen(command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise CadenzaError(f"No process can be started for the checks: {error.strerror or error}.") from error
        current, since, ended = "import", time.monotonic() + _STARTING, False  # Python and torch take their time
        rest = ""
        try:
            while True:
                running = child.poll() is None
                rest += lines.read()
                *whole, rest = rest.split("\n")
                for event in map(json.loads, whole):
                    since = time.monotonic()
                    current = event.get("begin", current)
                    ended = ended or "end" in event
                    yield event
                if not running:
                    break
                if time.monotonic() - since > time_limit:
                    text = (
                        f"no answer within {time_limit:g} s: it hangs, or is too slow here (--time-limit allows more)"
                    )
                    yield {"check": current, "verdict": "error", "text": text}
                    return
                if not whole:
                    progress(0.0, CHECKS[current])
                    time.sleep(_POLL)
        finally:
            child.kill()
            child.wait()
    if not ended:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        text = f"the process ended ({_ending(child.returncode)}){': ' + last[-1][:300] if last else ''}"
        yield {"check": current, "verdict": "error", "text": text}


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit status {code}"
