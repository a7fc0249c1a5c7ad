"""Every view of a listening test by its name: what the page shows and the command line writes is the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from ...errors import CadenzaError
from . import choices, listeners, ratings, relovl
from .choice import OPTIONS, Beside, Choice
from .haaqi import correlations, rated_points
from .scales import CHOICES, scale_named
from .screening import RULE, excused_items, screened, screening, screening_scale
from .tidy import Answers

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["VIEWS", "Shown", "View", "view_named", "views_for"]

_ALIKE = "interval and test take all answers as independent; those of one participant are alike"


@dataclass(frozen=True)
class Shown:
    """What a view shows.

    Parameters
    ----------
    frame : pd.DataFrame
        Its table.
    about : str
        What it is and by which method, in a sentence.
    notes : tuple of str
        What must be known to read it.
    further : mapping
        Further tables, by name.
    drawn : pd.DataFrame, optional
        What the figure draws, where it is not the table.
    choice : Choice
        What was asked for, complete.
    """

    frame: pd.DataFrame
    about: str
    notes: tuple[str, ...] = ()
    further: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    drawn: pd.DataFrame | None = None
    choice: Choice = Choice()  # noqa: RUF009 - frozen


@dataclass(frozen=True)
class View:
    """One view.

    Parameters
    ----------
    name, title : str
    show : function
        Takes answers, choice and what stands beside them.
    figure_name : str
        Function of :mod:`.figures`.
    options : tuple of str
        Which of a :class:`Choice` it regards, beside the scale and the screening.
    """

    name: str
    title: str
    show: Callable[[Answers, Choice, Beside], Shown]
    figure_name: str
    options: tuple[str, ...] = ()

    def of(self, answers: Answers, choice: Choice = Choice(), beside: Beside = Beside()) -> Shown:  # noqa: B008 - frozen
        """Give what the view shows.

        Raises
        ------
        CadenzaError
            If the test is of another design, or has not what the view needs.
        """
        if self not in views_for(answers):
            there = ", ".join(view.name for view in views_for(answers))
            raise CadenzaError(f"The view {self.name!r} is not one of this test ({answers.design}); there are {there}.")
        choice = replace(choice, scale=choice.scale or answers.scales[0])
        answers.of(choice.scale)
        before = len(answers.notes)
        if choice.screened and self.name != "screening":
            answers = screened(answers)
        shown = self.show(answers, choice, beside)
        return replace(shown, notes=(*answers.notes[before:], *shown.notes), choice=choice)

    def figure(self, shown: Shown) -> "go.Figure":
        """Draw it."""
        from . import figures

        draw: Callable[..., go.Figure] = getattr(figures, self.figure_name)
        return draw(shown.frame if shown.drawn is None else shown.drawn, shown.choice)


def _means(answers: Answers, choice: Choice, _: Beside) -> Shown:
    frame = ratings.condition_means(answers, choice)
    about = (
        f"Mean {choice.title} of each condition: the mean of its participants' means. Intervals: 95 %, paired percentile "
        f"bootstrap over {OPTIONS['over'][choice.over]} (2,000 draws, the same for all conditions)"
    )
    return Shown(frame, about, (*_direction(choice), *_gaps(answers, choice), *_few(frame["participants"].max())))


def _comparisons(answers: Answers, choice: Choice, _: Beside) -> Shown:
    frame = ratings.comparisons(answers, choice)
    count = int(frame["count"].max())
    name = OPTIONS["test"][choice.test]
    about = (
        f"Differences of mean {choice.title}, tested in pairs ({name}, two-sided) on participants' means over what they rated "
        f"of both; p corrected for {len(frame)} tests (Holm). Intervals: 95 %, bootstrap over participants"
    )
    notes = list(_direction(choice))
    if choice.test == "wilcoxon" and count >= 1 and 2.0 ** (1 - count) >= 0.05:
        notes.append(
            f"with {count} participants the smallest p that Wilcoxon's test can give is {2.0 ** (1 - count):.3g}: six at "
            "least are needed for one below 0.05, and more if several are corrected"
        )
    return Shown(frame, about, tuple(notes))


def _spread(answers: Answers, choice: Choice, _: Beside) -> Shown:
    about = f"All answers of {choice.title}: quartiles, and whiskers to the last answer within 1.5 interquartile ranges"
    return Shown(ratings.spread(answers, choice), about, _direction(choice))


def _excerpts(answers: Answers, choice: Choice, _: Beside) -> Shown:
    about = f"Mean {choice.title} of each condition for each excerpt, the excerpt with the lowest mean first"
    return Shown(ratings.excerpt_means(answers, choice), about, _direction(choice))


def _participants(answers: Answers, choice: Choice, _: Beside) -> Shown:
    about = f"Mean {choice.title} that each participant gave each condition"
    return Shown(ratings.participant_means(answers, choice), about, _direction(choice))


def _haaqi(answers: Answers, choice: Choice, beside: Beside) -> Shown:
    if beside.haaqi is None:
        raise CadenzaError("Say which evaluation set has the HAAQI of what was rated (on a command line, with --set).")
    points, notes = rated_points(answers, choice, beside.haaqi)
    frame = correlations(points)
    about = (
        f"Mean {choice.title} of {OPTIONS['points'][choice.points]} against their HAAQI. Intervals: 95 %, by Fisher's z "
        "(Spearman: Bonett & Wright 2000; Kendall: Fieller, Hartley & Pearson 1957), as if all points were independent"
    )
    return Shown(frame, about, (*notes, *_direction(choice)), {"points": points}, points)


def _agreement(answers: Answers, choice: Choice, _: Beside) -> Shown:
    frame = listeners.agreement(answers, choice)
    about = (
        "How far participants agree on each sound: Krippendorff's alpha (all answers; interval by bootstrap over sounds) and "
        "intraclass correlations (Shrout & Fleiss 1979; only sounds that all have rated): ICC(2,1) of single participants, "
        "ICC(2,k) of their mean, ICC(3,1) without regard to how high or low each one rates; with 95 % intervals"
    )
    notes = ["participants heard what was made for their own audiograms: agreement is on systems and excerpts"]
    own = answers.frame["listener"][answers.frame["listener"] != ""].nunique()
    return Shown(
        frame, about, tuple(notes) if own > 1 else (), {"participants": listeners.with_the_others(answers, choice)}
    )


def _screening(answers: Answers, choice: Choice, _: Beside) -> Shown:
    frame = screening(answers)
    notes = [f"the rule is about {scale_named(screening_scale(answers)).title}"]
    if not frame["anchor_items"].any() and not excused_items(answers):
        notes.append("no anchor70 was rated: only the rule of the reference is used")
    if items := excused_items(answers):
        notes.append(f"more than 25 % rate the 7 kHz anchor above 90, so it does not count for: {'; '.join(items)}")
    return Shown(frame, RULE, tuple(notes))


def _preferences(answers: Answers, choice: Choice, _: Beside) -> Shown:
    frame = choices.preferences(answers, choice)
    counted = (
        "each participant counts once, for what they chose more often"
        if choice.unit == "participants"
        else "each answer counts once"
    )
    about = (
        f"How often the first of a pair was chosen; {counted}. Intervals: 95 %, {OPTIONS['interval'][choice.interval]}. Test: "
        f"exact binomial against one half, two-sided; p corrected for {len(frame)} tests (Holm)"
    )
    return Shown(frame, about, (_ALIKE,) if choice.unit == "answers" else ())


def _strengths(answers: Answers, choice: Choice, _: Beside) -> Shown:
    frame, missing = choices.strengths(answers)
    about = (
        "Bradley-Terry strengths from all pairs together: log odds, mean 0. Intervals: 95 %, sandwich covariance over "
        "participants (Student's t)"
    )
    return Shown(frame, about, (f"there are no finite strengths: {missing}",) if missing else ())


def _abx(answers: Answers, choice: Choice, _: Beside) -> Shown:
    frame = choices.abx(answers, choice)
    about = (
        f"How often X was told right. Intervals: 95 %, {OPTIONS['interval'][choice.interval]}. Test: exact binomial, better "
        "than guessing (one-sided); p corrected within each group (Holm)"
    )
    return Shown(frame, about, (_ALIKE,))


def _ranking(answers: Answers, choice: Choice, beside: Beside) -> Shown:
    frame = relovl.ranking(answers, choice, beside.teams)
    about = (
        "Rank by the mean of relevance (REL) and overall quality (OVL), weighted 1:1 (DCASE 2024 task 9). Intervals: 95 %, "
        f"paired percentile bootstrap over {OPTIONS['over'][choice.over]}"
    )
    lacking = relovl.incomplete(answers)
    notes = (f"{lacking:,} judgements lack one of the two scales and do not count",) if lacking else ()
    return Shown(frame, about, (*notes, *_few(frame["participants"].max())))


def _direction(choice: Choice) -> tuple[str, ...]:
    return () if scale_named(choice.scale).more_is_better else (f"{choice.title}: less is better",)


def _gaps(answers: Answers, choice: Choice) -> tuple[str, ...]:
    values = ratings.cube(answers.of(choice.scale))[0]
    missing = int(pd.isna(values).sum())
    if not missing:
        return ()
    return (
        f"not everybody rated every condition on every excerpt ({missing:,} of {values.size:,} are missing): means are "
        "not all of the same",
    )


def _few(participants: int) -> tuple[str, ...]:
    if participants >= 10:
        return ()
    return (f"with {participants} participants a bootstrap's intervals are too narrow; 10 at least are wanted",)


_RATED, _CHOSEN = ("panel", "mushra", "relovl"), ("preference",)
_ALL: tuple[tuple[View, tuple[str, ...]], ...] = (
    (View("ranking", "Ranking", _ranking, "ranking_figure", ("over",)), ("relovl",)),
    (View("systems", "Means", _means, "means_figure", ("over",)), _RATED),
    (View("comparisons", "Comparisons", _comparisons, "comparisons_figure", ("test", "against", "anchors")), _RATED),
    (View("spread", "Answers", _spread, "spread_figure"), _RATED),
    (View("excerpts", "By excerpt", _excerpts, "excerpts_figure"), _RATED),
    (View("participants", "By participant", _participants, "participants_figure"), _RATED),
    (View("haaqi", "Against HAAQI", _haaqi, "haaqi_figure", ("points",)), ("panel", "mushra")),
    (View("agreement", "Agreement", _agreement, "agreement_figure"), _RATED),
    (View("screening", "Screening", _screening, "screening_figure"), _RATED),
    (View("preferences", "Preferences", _preferences, "preferences_figure", ("unit", "interval")), _CHOSEN),
    (View("strengths", "Strengths", _strengths, "strengths_figure"), _CHOSEN),
    (View("abx", "ABX", _abx, "abx_figure", ("interval",)), ("abx",)),
)
#: The views by name, in their order.
VIEWS: Mapping[str, View] = {view.name: view for view, _ in _ALL}


def views_for(answers: Answers) -> list[View]:
    """Give the views that a test has."""
    found = [view for view, designs in _ALL if answers.design in designs]
    if answers.design in CHOICES:
        return [view for view in found if view.name != "strengths" or answers.frame["condition"].nunique() > 2]
    return [view for view in found if view.name != "screening" or answers.has_reference]


def view_named(name: str) -> View:
    """Give a view.

    Raises
    ------
    CadenzaError
        If there is none of that name.
    """
    if name not in VIEWS:
        raise CadenzaError(f"There is no view {name!r}: {', '.join(VIEWS)}.")
    return VIEWS[name]
