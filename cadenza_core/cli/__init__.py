"""The command line `cadenza`: the same work as the pages, from a shell.

Results go to standard output (with ``--json``: one JSON document), progress and errors to standard error. Exit status: 0
done, 1 an error said in a sentence or a faulty submission, 2 a wrong call, 130 stopped by Ctrl-C.
"""

from . import (
    catalog,
    challenge,
    compare,
    doctor,
    hear,
    hear_similar,
    hear_tasks,
    hearing,
    lass,
    lass_benchmark,
    lyrics,
    models,
    panel,
    panel_analysis,
    scores,
    separation,
    tuning,
    why,
    work,
)
from .root import app

__all__ = [
    "app",
    "catalog",
    "challenge",
    "compare",
    "doctor",
    "hear",
    "hear_similar",
    "hear_tasks",
    "hearing",
    "lass",
    "lass_benchmark",
    "lyrics",
    "main",
    "models",
    "panel",
    "panel_analysis",
    "scores",
    "separation",
    "tuning",
    "why",
    "work",
]


def main() -> None:
    """Run the command line."""
    app()
