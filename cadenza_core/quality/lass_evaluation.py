"""Evaluate a language-queried separator on synthetic mixtures by the rule of DCASE 2024 task 9.

Each line of ``source,noise,snr,query`` is mixed, separated and measured. Every result is written at once, so that a run
that was stopped goes on where it was; results of another model, CSV or query are never mixed with them.
"""

import csv
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CadenzaError
from ..files import atomic_file, disk_errors, parse_json
from ..progress import Progress, silent
from ..separation.lass.mixtures import MixtureRow, mixture_of
from .lass import lass_sdr, si_sdr

if TYPE_CHECKING:
    from ..separation.lass.loading import Loaded

__all__ = ["MEASURES", "Evaluation", "RowScore", "evaluate", "other_query", "write_row_scores"]

#: What is measured: name and title.
MEASURES = {"sdr": "SDR", "sdri": "SDRi", "si_sdr": "SI-SDR"}


@dataclass(frozen=True)
class RowScore:
    """One line's scores.

    Parameters
    ----------
    source, noise, snr, query :
        The line.
    asked : str
        What the separator was asked for: the query, unless a wrong one was wanted.
    sdr, sdri, si_sdr, mixture_sdr : float
        dB.
    """

    source: str
    noise: str
    snr: float
    query: str
    asked: str
    sdr: float
    sdri: float
    si_sdr: float
    mixture_sdr: float


@dataclass(frozen=True)
class Evaluation:
    """All lines' scores, in the CSV's order."""

    rows: tuple[RowScore, ...]

    def means(self) -> dict[str, float]:
        """Give the plain mean of each measure, dB."""
        return _means(self.rows)

    def per_snr(self) -> dict[float, dict[str, float]]:
        """Give the means at each signal-to-noise ratio, in order, with the number of lines as ``count``."""
        return {snr: _counted(rows) for snr, rows in sorted(_grouped(self.rows, lambda row: row.snr).items())}

    def per_query(self) -> dict[str, dict[str, float]]:
        """Give the means of each query, the worst SDRi first, with the number of lines as ``count``."""
        groups = {query: _counted(rows) for query, rows in _grouped(self.rows, lambda row: row.query).items()}
        return dict(sorted(groups.items(), key=lambda item: item[1]["sdri"]))


def _grouped(rows: Iterable[RowScore], key: Callable[[RowScore], Any]) -> dict[Any, list[RowScore]]:
    groups: dict[Any, list[RowScore]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _means(rows: Sequence[RowScore]) -> dict[str, float]:
    return {name: float(np.mean([getattr(row, name) for row in rows])) if rows else math.nan for name in MEASURES}


def _counted(rows: Sequence[RowScore]) -> dict[str, float]:
    return {**_means(rows), "count": len(rows)}


def evaluate(
    loaded: "Loaded",
    rows: Sequence[MixtureRow],
    folder: Path,
    out: Path,
    fingerprint: str,
    *,
    asked: Callable[[MixtureRow], str] = lambda row: row.query,
    progress: Progress = silent,
) -> Evaluation:
    """Evaluate a separator.

    Parameters
    ----------
    loaded : Loaded
    rows : sequence of MixtureRow
    folder : Path
        Where the clips lie.
    out : Path
        A file (``.jsonl``) for the results, one line each; what is there from a stopped run is not done again.
    fingerprint : str
        Name of what the model is (see `LassModel.fingerprint`).
    asked : callable
        Gives what the separator is asked for; the line's query by default.
    progress : Progress
        Called for each line; may raise Cancelled.

    Raises
    ------
    CadenzaError
        If a clip cannot be read or used, `out` holds results of something else, or it cannot be written.
    """
    import torch

    from ..separation.lass.chunks import separate_long
    from ..separation.neural import computing

    wanted = [(row, asked(row)) for row in rows]
    facts = {"model": fingerprint, "rate": loaded.rate, "lines": _digest(wanted)}
    done = _resume(out, facts)
    conditions: dict[str, torch.Tensor] = {}
    scores: list[RowScore] = []
    with disk_errors(out), out.open("a", encoding="utf-8") as file, computing(loaded.model.title, loaded.device):
        for number, (row, text) in enumerate(wanted):
            if number in done:
                scores.append(done[number])
                continue
            mean = f", SDRi {_means(scores)['sdri']:.2f} dB so far" if scores else ""
            progress(number / len(rows), f"line {number + 1} of {len(rows)}{mean}")
            source, mixture = mixture_of(row, folder, loaded.rate)
            if text not in conditions:
                conditions[text] = loaded.condition(text)
            estimate = separate_long(loaded.separator, mixture[None], conditions[text])[0]
            scores.append(_score(row, text, source, mixture, estimate))
            file.write(json.dumps({"line": number, **asdict(scores[-1])}) + "\n")
            file.flush()
    progress(1.0, "evaluated")
    return Evaluation(tuple(scores))


def _score(row: MixtureRow, asked: str, source: np.ndarray, mixture: np.ndarray, estimate: np.ndarray) -> RowScore:
    sdr, before = lass_sdr(source, estimate), lass_sdr(source, mixture)
    return RowScore(
        row.source, row.noise, row.snr, row.query, asked, sdr, sdr - before, si_sdr(source, estimate), before
    )


def _digest(wanted: Sequence[tuple[MixtureRow, str]]) -> str:
    text = json.dumps([[asdict(row), asked] for row, asked in wanted], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _resume(out: Path, facts: Mapping[str, Any]) -> dict[int, RowScore]:
    """Give the lines that are done, and begin the file where there is none."""
    if not out.exists():
        with atomic_file(out) as temporary:
            temporary.write_text(json.dumps(facts) + "\n", encoding="utf-8")
        return {}
    try:
        first, *lines = out.read_text(encoding="utf-8").splitlines(keepends=True)
        if parse_json(first) != dict(facts):
            raise CadenzaError(
                f"{out} holds results of another model, CSV or set of queries. Choose another folder, or delete the file."
            )
        whole = [parse_json(line) for line in lines if line.endswith("\n")]  # the last may have been cut off
        done = {int(entry.pop("line")): RowScore(**entry) for entry in whole}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CadenzaError(
            f"{out} is not a file of results ({error!r}). Delete it or choose another folder."
        ) from error
    with atomic_file(out) as temporary:
        kept = [json.dumps({"line": number, **asdict(score)}) for number, score in done.items()]
        temporary.write_text("\n".join([json.dumps(facts), *kept]) + "\n", encoding="utf-8")
    return done


def other_query(rows: Sequence[MixtureRow]) -> Callable[[MixtureRow], str]:
    """Give, for each line, a query that describes neither its source nor its noise, always the same one.

    What a separator makes of it tells whether it follows the query at all.

    Raises
    ------
    CadenzaError
        If there are fewer than three queries.
    """
    queries = sorted({row.query for row in rows})
    of_source = {row.source: row.query for row in rows}
    if len(queries) < 3:
        raise CadenzaError("A wrong query is one of a third sound; the lines need at least three different queries.")

    def choose(row: MixtureRow) -> str:
        others = [query for query in queries if query not in (row.query, of_source.get(row.noise))]
        place = sum(f"{row.source} {row.noise} {row.snr}".encode())
        return others[place % len(others)]

    return choose


def write_row_scores(path: Path, evaluation: Evaluation) -> None:
    """Write all lines' scores as a CSV, in full.

    Raises
    ------
    CadenzaError
        If it cannot be written.
    """
    names = list(RowScore.__dataclass_fields__)
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(asdict(row) for row in evaluation.rows)
