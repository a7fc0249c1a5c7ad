"""Proposals: gains that maximise a stated objective under stated constraints, with the reason for each dB."""

from .constraints import Constraints, Levels
from .material import LONGEST, Material
from .objective_haaqi import Quality
from .objectives import Audible, Objective, Preference, preferred_raise
from .proposal import Proposal, propose
from .reasons import Reason
from .run import propose_remix

__all__ = [
    "LONGEST",
    "Audible",
    "Constraints",
    "Levels",
    "Material",
    "Objective",
    "Preference",
    "Proposal",
    "Quality",
    "Reason",
    "preferred_raise",
    "propose",
    "propose_remix",
]
