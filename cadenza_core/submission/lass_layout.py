"""Names in a submission to DCASE 2024 task 9 (language-queried separation), and what its YAML must say.

::

    <author>_<institute>/
        <Author>_<Institute>_task9.technical_report.pdf
        <Author>_<Institute>_task9_1/                          up to four systems
            <Author>_<Institute>_task9_1.meta.yaml
            <Author>_<Institute>_task9_1.audio_url.txt         Google Drive: <link to the two archives>
            <Author>_<Institute>_task9_1.synth.zip             one output for each mixture, named as it is
            <Author>_<Institute>_task9_1.real.zip              the same; queries.csv says what is what

Given by the challenge are the label, the folder, two zips of outputs named as their mixtures, the text of the link's
file, a YAML for each system, the report and the limit of four. Ours, where its pages leave it open: the names' endings,
the folder of each system, and the fields of the YAML, which follow the template of DCASE's other tasks. Each clip of
the real set has two queries, so "named as its mixture" names two outputs: where a mixture has several queries, their
outputs are ``<mixture>_query1.wav``, ``<mixture>_query2.wav`` in the CSV's order, and ``queries.csv``
(``file,wav,query``) in the archive says so.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import CadenzaError
from ..separation.lass.mixtures import QueryRow

__all__ = [
    "LABEL",
    "MOST_SYSTEMS",
    "QUERIES",
    "RATE",
    "SETS",
    "folder_name",
    "meta_faults",
    "output_names",
    "system_label",
]

MOST_SYSTEMS = 4
#: Sample rate of mixtures and outputs, Hz.
RATE = 16000
#: The two sets.
SETS = ("synth", "real")
#: In each archive: which file answers which query.
QUERIES = "queries.csv"
LABEL = re.compile(r"(?P<author>[A-Za-z][A-Za-z-]*)_(?P<institute>[A-Za-z][A-Za-z0-9-]*)_task9_(?P<number>[1-4])")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
#: Fields that a YAML must have, as paths.
_FIELDS = (
    "submission.label", "submission.name", "submission.abbreviation", "submission.authors",
    "system.description.input_sampling_rate", "system.description.machine_learning_method",
    "system.description.train_datasets", "system.complexity.total_parameters", "results.validation_synth.sdr",
)  # fmt: skip
_AUTHOR = ("lastname", "firstname", "email")


def system_label(author: str, institute: str, number: int) -> str:
    """Give a system's label.

    Raises
    ------
    CadenzaError
        If a name cannot be part of it, or the number is not 1 to 4.
    """
    for name, what in ((author, "author's last name"), (institute, "institute's abbreviation")):
        if not _NAME.fullmatch(name) or (what.startswith("author") and any(char.isdigit() for char in name)):
            raise CadenzaError(
                f"The {what} {name!r} cannot be in a label: up to 40 letters and hyphens (institute: digits)."
            )
    if not 1 <= number <= MOST_SYSTEMS:
        raise CadenzaError(f"Systems are numbered 1 to {MOST_SYSTEMS}, not {number}.")
    return f"{author}_{institute}_task9_{number}"


def folder_name(author: str, institute: str) -> str:
    """Give the folder of a submission."""
    return f"{author}_{institute}".lower()


def output_names(rows: Sequence[QueryRow]) -> list[str]:
    """Give the name of each line's output, without ``.wav``, by the rule at the top.

    Raises
    ------
    CadenzaError
        If a mixture has the same query twice, or names collide.
    """
    counts = Counter(row.wav for row in rows)
    if twice := [row for row, count in Counter(rows).items() if count > 1]:
        raise CadenzaError(f"The mixture {twice[0].wav!r} is asked twice for {twice[0].query!r}.")
    seen: Counter[str] = Counter()
    names = []
    for row in rows:
        seen[row.wav] += 1
        names.append(row.wav if counts[row.wav] == 1 else f"{row.wav}_query{seen[row.wav]}")
    if len(set(names)) < len(names):
        clash = next(name for name, count in Counter(names).items() if count > 1)
        raise CadenzaError(f"Two outputs would be named {clash!r}. Rename a mixture.")
    return names


def meta_faults(content: Any, label: str) -> list[str]:
    """Say what is wrong with a system's YAML, in sentences."""
    if not isinstance(content, dict):
        return ["it holds no fields"]
    faults = [f"{field} is missing" for field in _FIELDS if _get(content, field) in (None, "", [])]
    if (found := _get(content, "submission.label")) and found != label:
        faults.append(f"submission.label is {str(found)[:60]!r}, the folder's is {label!r}")
    abbreviation = _get(content, "submission.abbreviation")
    if isinstance(abbreviation, str) and len(abbreviation) > 10:
        faults.append(f"submission.abbreviation has {len(abbreviation)} characters; 10 is the most")
    authors = _get(content, "submission.authors")
    if authors and (not isinstance(authors, list) or not all(isinstance(one, dict) for one in authors)):
        faults.append("submission.authors is no list of authors")
    elif authors:
        lacking = [name for name in _AUTHOR if any(not one.get(name) for one in authors)]
        faults += [f"an author has no {name}" for name in lacking]
    return faults


def _get(content: Any, path: str) -> Any:
    for name in path.split("."):
        content = content.get(name) if isinstance(content, dict) else None
    return content
