"""The analysis: where the scores come from, for whom, and what would help most."""

from pages.widgets.insight import insight
from pages.widgets.messages import guarded
from pages.widgets.scored import picked_scores, scores_bar


def analysis() -> None:
    """Show the page."""
    with guarded():
        picked = picked_scores()
        (export,) = scores_bar(picked, 1)
        insight(picked, export)


analysis()
