"""Blind listening tests: their designs, orders and sounds, the participants, and what they answer."""

from .answers import answers_frame, export_answers
from .designs import Condition, Design, Passage, read_design
from .kinds import KINDS, Kind, Scale
from .orders import Trial, trials_of

__all__ = [
    "KINDS",
    "Condition",
    "Design",
    "Kind",
    "Passage",
    "Scale",
    "Trial",
    "answers_frame",
    "export_answers",
    "read_design",
    "trials_of",
]
