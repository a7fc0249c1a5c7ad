"""Lyric intelligibility (Cadenza CLIP1): what listeners understand of the words that are sung, predicted.

From the data set's clips (`clips`, `loader`) through enhancers (`enhance`) and recognisers (`recognisers`, `judge`) to the
calibrated prediction (`calibration`, `regression`), its file (`predictions`) and its comparison with the truth (`compare`).
"""

from .calibration import BASELINES, Logistic, LogisticFit, fit_logistic
from .clips import Clip, ClipFolder, check_clips, find_clips, read_metadata
from .compare import compare_files
from .enhance import ENHANCERS, Enhancement, Enhancer, enhance_clips, make_enhancer
from .figures import Figures, figures
from .judge import RecogniserJudge, StoiJudge, judge_clips
from .models import Model, load_model, save_model
from .predictions import prediction_name, read_predictions, write_predictions
from .recognisers import Recogniser, Transcript, get_recogniser, listen, recognisers
from .regression import compare_by_folds, fit_ridge
from .run import fit_baseline, whole_run
from .scores import pick_score, read_scores
from .severities import SEVERITIES, severity_listener
from .words import Alignment, Rules, Step, align, correctness, normalise

__all__ = [
    "BASELINES",
    "ENHANCERS",
    "SEVERITIES",
    "Alignment",
    "Clip",
    "ClipFolder",
    "Enhancement",
    "Enhancer",
    "Figures",
    "Logistic",
    "LogisticFit",
    "Model",
    "Recogniser",
    "RecogniserJudge",
    "Rules",
    "Step",
    "StoiJudge",
    "Transcript",
    "align",
    "check_clips",
    "compare_by_folds",
    "compare_files",
    "correctness",
    "enhance_clips",
    "figures",
    "find_clips",
    "fit_baseline",
    "fit_logistic",
    "fit_ridge",
    "get_recogniser",
    "judge_clips",
    "listen",
    "load_model",
    "make_enhancer",
    "normalise",
    "pick_score",
    "prediction_name",
    "read_metadata",
    "read_predictions",
    "read_scores",
    "recognisers",
    "save_model",
    "severity_listener",
    "whole_run",
    "write_predictions",
]
