"""How sure a figure is: intervals of means and proportions, tests between systems, correlation, agreement, strengths."""

from .agreement import Agreement, intraclass_correlations, krippendorff_alpha
from .bradley_terry import Strengths, bradley_terry
from .correlation import CORRELATIONS, Correlation, correlation
from .crossed import crossed_intervals, mean_of_participants
from .intervals import Interval, mean_interval, mean_intervals
from .paired import TESTS, PairedTest, holm, paired_test
from .proportions import PROPORTION_INTERVALS, Proportion, proportion

__all__ = [
    "CORRELATIONS",
    "PROPORTION_INTERVALS",
    "TESTS",
    "Agreement",
    "Correlation",
    "Interval",
    "PairedTest",
    "Proportion",
    "Strengths",
    "bradley_terry",
    "correlation",
    "crossed_intervals",
    "holm",
    "intraclass_correlations",
    "krippendorff_alpha",
    "mean_interval",
    "mean_intervals",
    "mean_of_participants",
    "paired_test",
    "proportion",
]
