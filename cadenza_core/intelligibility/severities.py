"""CLIP1's listeners: not people but degrees of hearing loss, with the audiogram that the challenge's guide gives each."""

import functools

from clarity.utils.audiogram import Listener

from ..catalog import make_listener
from ..errors import CadenzaError

__all__ = ["FREQUENCIES", "LEVELS", "SEVERITIES", "severity_listener"]

#: Audiometric frequencies, Hz.
FREQUENCIES = (250, 500, 1000, 2000, 4000, 6000)
#: Hearing levels by severity, dB HL, the same in both ears (CLIP1's enhancement guide).
LEVELS = {
    "No Loss": (-5, -5, -5, -5, -5, -5),
    "Mild": (20, 25, 30, 40, 50, 55),
    "Moderate": (45, 50, 60, 65, 70, 75),
    "Moderately Severe": (65, 70, 75, 80, 85, 90),
}
#: Those that occur in the data set.
SEVERITIES = ("No Loss", "Mild", "Moderate")


@functools.cache
def severity_listener(severity: str) -> Listener:
    """Give the listener of a severity, named as the data set names it.

    Raises
    ------
    CadenzaError
        If there is no such severity.
    """
    if severity not in LEVELS:
        raise CadenzaError(f"The hearing loss {severity!r} is not one of {', '.join(LEVELS)}.")
    return make_listener(severity, FREQUENCIES, LEVELS[severity], LEVELS[severity])
