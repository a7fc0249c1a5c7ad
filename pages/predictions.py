"""Compare predictions: many prediction files against what listeners understood, and against what was published."""

from pages.widgets.predictions import predictions

predictions()
