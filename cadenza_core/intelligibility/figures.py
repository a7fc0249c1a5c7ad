"""The challenge's figures of a prediction: RMSE, standard error, normalised cross correlation, Kendall's tau."""

import math
from dataclasses import asdict, dataclass

import numpy as np
import scipy

__all__ = ["Figures", "figures"]


@dataclass(frozen=True)
class Figures:
    """How well predictions agree with what listeners understood, both in percent.

    Parameters
    ----------
    n : int
        Signals.
    rmse : float
        Root mean square error, percentage points.
    rmse_error : float
        Its standard error (delta method): the spread of the squared errors over 2 RMSE sqrt(n).
    std_error : float
        The baseline's "Std": standard deviation of the errors over sqrt(n).
    bias : float
        Mean of prediction minus truth, percentage points.
    ncc : float
        Pearson's correlation; NaN if either is constant.
    kt : float
        Kendall's tau-b; NaN if either is constant.
    """

    n: int
    rmse: float
    rmse_error: float
    std_error: float
    bias: float
    ncc: float
    kt: float

    def as_dict(self) -> dict[str, float]:
        """Give them for JSON and tables."""
        return asdict(self)


def figures(predicted: np.ndarray, truth: np.ndarray) -> Figures:
    """Compute the figures of predictions in percent, shape (n,), against the truth in percent, n > 0."""
    error = predicted - truth
    n, rmse = len(error), float(np.sqrt(np.mean(error**2)))
    spread = float(np.std(error**2)) / (2.0 * rmse * math.sqrt(n)) if rmse else 0.0
    varied = n > 1 and np.ptp(predicted) > 0.0 and np.ptp(truth) > 0.0
    ncc = float(np.corrcoef(predicted, truth)[0, 1]) if varied else math.nan
    tau = float(scipy.stats.kendalltau(predicted, truth).statistic) if varied else math.nan
    return Figures(n, rmse, spread, float(np.std(error) / math.sqrt(n)), float(np.mean(error)), ncc, tau)
