"""A whole challenge: many songs times many listeners, enhanced, scored, packed and checked; what is done stays done.

::

    data = read_set(Path("cadenza_data/task1"), "valid")
    plan = enhance_plan(data, "hdemucs_high_musdb", Path("run1"), settings, gains_from("", [], data, settings))
    run(plan, LocalPool())
    status_of(run_folder(Path("run1"))).done

`sets` reads what there is, `cad1` and `icassp` make a plan of it, `run` gives the plan's tasks to the workers of `pool`
(processes here) or `cluster` (Dask) and writes the journal that `folder` keeps.
"""

from .cad1 import batch_of, enhance_plan, evaluate_plan, listeners_folder
from .cluster import DaskPool
from .estimate import Estimate, Status, estimate, status_of, time_in_words
from .folder import Journal, RunFolder, run_folder
from .gains import GainsOf, gains_from
from .icassp import enhance_scenes_plan, evaluate_scenes_plan, scene_table
from .plan import Plan
from .pool import LocalPool, Pool, usable_cores
from .run import Summary, run
from .scenes import SceneSet, read_scenes
from .scores import check_scores, merge_scores, run_scores, scores_of, write_table
from .sets import SETS, ChallengeSet, read_set
from .storing import set_name, store_scores, system_of
from .validate import size_of, validate_set

__all__ = [
    "SETS",
    "ChallengeSet",
    "DaskPool",
    "Estimate",
    "GainsOf",
    "Journal",
    "LocalPool",
    "Plan",
    "Pool",
    "RunFolder",
    "SceneSet",
    "Status",
    "Summary",
    "batch_of",
    "check_scores",
    "enhance_plan",
    "enhance_scenes_plan",
    "estimate",
    "evaluate_plan",
    "evaluate_scenes_plan",
    "gains_from",
    "listeners_folder",
    "merge_scores",
    "read_scenes",
    "read_set",
    "run",
    "run_folder",
    "run_scores",
    "scene_table",
    "scores_of",
    "set_name",
    "size_of",
    "status_of",
    "store_scores",
    "system_of",
    "time_in_words",
    "usable_cores",
    "validate_set",
    "write_table",
]
