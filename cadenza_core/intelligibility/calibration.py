"""From a recogniser's correctness to what people understand: CLIP1's logistic calibration.

``100 / (1 + exp(-k (x - x0)))``, fitted to the listeners' correctness (in percent) by least squares from the starting point
(0.5, 1.0), as the baseline does with SciPy's `curve_fit`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from ..errors import CadenzaError
from .figures import Figures, figures

__all__ = ["BASELINES", "Logistic", "LogisticFit", "fit_logistic"]

_START = (0.5, 1.0)


@dataclass(frozen=True)
class Logistic:
    """The calibration curve: score `midpoint` stands for 50 %, `slope` is how steep it is there (k)."""

    midpoint: float
    slope: float

    def __call__(self, scores: Sequence[float] | np.ndarray) -> np.ndarray:
        """Give the predicted percentage of words understood, 0 to 100, for scores of any shape."""
        return np.asarray(_curve(np.asarray(scores, dtype=np.float64), self.midpoint, self.slope))


def _curve(scores: np.ndarray, midpoint: float, slope: float) -> np.ndarray:
    return 100.0 * scipy.special.expit(slope * (scores - midpoint))


#: The baselines' curves: what this fit gives on CLIP1's training set with the published precomputed scores.
BASELINES = {"whisper.mixture": Logistic(0.5574403, 2.6438852), "stoi": Logistic(0.7041611, 2.7729783)}


@dataclass(frozen=True)
class LogisticFit:
    """A fitted curve and how good it is.

    Parameters
    ----------
    curve : Logistic
    midpoint_error, slope_error : float
        Standard errors of the two parameters.
    figures : Figures
        Of the predictions on the data that it was fitted to.
    """

    curve: Logistic
    midpoint_error: float
    slope_error: float
    figures: Figures


def fit_logistic(scores: Sequence[float] | np.ndarray, correctness: Sequence[float] | np.ndarray) -> LogisticFit:
    """Fit the curve.

    Parameters
    ----------
    scores : sequence of float
        A recogniser's correctness or STOI, one for each clip.
    correctness : sequence of float
        What listeners got, 0 to 1.

    Raises
    ------
    CadenzaError
        If there are fewer than 3 clips, all scores are equal, or the fit does not converge.
    """
    x, y = np.asarray(scores, dtype=np.float64), 100.0 * np.asarray(correctness, dtype=np.float64)
    if len(x) < 3 or np.ptp(x) == 0.0:
        raise CadenzaError(
            f"{len(x)} clips with {len(set(x.tolist()))} different scores cannot be fitted: 3 are needed."
        )
    try:
        (midpoint, slope), covariance = scipy.optimize.curve_fit(_curve, x, y, _START)
    except RuntimeError as error:
        raise CadenzaError(
            f"The calibration does not converge ({error}). Do the scores say anything of the answers?"
        ) from error
    curve = Logistic(float(midpoint), float(slope))
    errors = np.sqrt(np.diag(covariance))
    return LogisticFit(curve, float(errors[0]), float(errors[1]), figures(curve(x), y))
