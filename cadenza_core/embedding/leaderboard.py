"""The published HEAR leaderboard beside results of one's own: rank, the best, and the baselines everybody knows.

Numbers of the open tasks from hearbenchmark.com's leaderboard (`leaderboard.json`). They hold for the same task, version and
mode only, and were computed by hear-eval-kit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Standing", "published", "standing"]

#: The organisers' own baselines.
BASELINES = ("wav2vec2", "OpenL3", "CREPE")


@dataclass(frozen=True)
class Standing:
    """Where a result would stand.

    Parameters
    ----------
    score : str
        Which score is ranked.
    rank, entries : int
        Rank among the published ones and this one; how many are published.
    best : tuple of str and float
        The best published model.
    baselines : mapping of str to float
    """

    score: str
    rank: int
    entries: int
    best: tuple[str, float]
    baselines: Mapping[str, float]


@cache
def published() -> Mapping[str, Mapping[str, float]]:
    """Give the published results: task -> model -> score; all scores there are better the higher."""
    return {task: entry["results"] for task, entry in _content()["tasks"].items()}


@cache
def _content() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    content: dict[str, dict[str, dict[str, dict[str, float]]]] = json.loads(
        (Path(__file__).parent / "leaderboard.json").read_text(encoding="utf-8")
    )
    return content


def standing(task: str, scores: Mapping[str, float]) -> Standing | None:
    """Say where a result would stand.

    Parameters
    ----------
    task : str
        Full name: name, version, mode.
    scores : mapping of str to float
        By name.

    Returns
    -------
    Standing or None
        None if the task is not on the leaderboard, or its score is missing.
    """
    entry = _content()["tasks"].get(task)
    if entry is None or (value := scores.get(str(entry["score"]))) is None:
        return None
    results = entry["results"]
    better = sum(other > value for other in results.values())
    name = max(results, key=lambda model: results[model])
    baselines = {model: results[model] for model in BASELINES if model in results}
    return Standing(str(entry["score"]), better + 1, len(results), (name, results[name]), baselines)
