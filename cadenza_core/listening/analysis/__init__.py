"""What a listening test says: which system is liked better, how surely, by whom, and whether HAAQI knew.

Everything starts from a table of answers with a row for each participant, trial, condition and scale
(:data:`~cadenza_core.listening.answers.COLUMNS`), from the database or from a CSV. Training trials never count. Participants
are what is drawn at random: the answers of one are alike, so they are averaged before anything is tested.
"""

from .choice import Beside, Choice
from .tidy import Answers, answers_of, read_answers
from .views import VIEWS, Shown, View, view_named, views_for

__all__ = [
    "VIEWS",
    "Answers",
    "Beside",
    "Choice",
    "Shown",
    "View",
    "answers_of",
    "read_answers",
    "view_named",
    "views_for",
]
