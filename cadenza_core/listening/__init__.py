"""Blind listening tests: their designs, orders and sounds, the participants, and what they answer.

What needs the database is not imported here: `panels` makes and lists tests, `running` is what participants' browsers talk to
(by way of `web`), `answers` gives the tidy table.
"""

from .designs import Condition, Design, Passage
from .kinds import KINDS, Kind, Scale
from .orders import Trial, trials_of
from .reading import read_design

__all__ = ["KINDS", "Condition", "Design", "Kind", "Passage", "Scale", "Trial", "read_design", "trials_of"]
