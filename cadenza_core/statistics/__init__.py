"""How sure a figure is: intervals of means, and tests between systems on the same pairs."""

from .intervals import Interval, mean_interval, mean_intervals
from .paired import TESTS, PairedTest, holm, paired_test

__all__ = ["TESTS", "Interval", "PairedTest", "holm", "mean_interval", "mean_intervals", "paired_test"]
