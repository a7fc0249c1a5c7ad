"""How loud the studio may be at the ear: a ceiling for peaks, which the page enforces before any sound leaves it.

The default is 100 dB SPL. EN 50332-1 limits the *average* level of personal music players to 100 dB(A); WHO and ITU-T H.870
(2018, "Guidelines for safe listening devices/systems") give adults 80 dB(A) for 40 hours a week. A ceiling for *peaks* of
100 dB SPL keeps the average of music, whose peaks stand some 12 to 18 dB above it, below about 88 dB SPL. Prescriptions
for severe losses may ask for more: whoever raises the ceiling does so knowingly.

It is a property of the room and of who listens there, not of a mix: presets, links and exported files do not hold it.
"""

from ..errors import CadenzaError

__all__ = ["CEILING_DB_SPL", "CEILING_RANGE", "check_ceiling"]

#: Highest peak at the ear, dB SPL (a sample counts with its own size, not with a root mean square), and what may be set.
CEILING_DB_SPL = 100.0
CEILING_RANGE = (60.0, 120.0)


def check_ceiling(level: float) -> float:
    """Check what a user gives as the ceiling, dB SPL; gives it as a float.

    Raises
    ------
    CadenzaError
        If it is not a number from 60 to 120.
    """
    low, high = CEILING_RANGE
    if isinstance(level, bool) or not isinstance(level, int | float) or not low <= level <= high:
        raise CadenzaError(f"The ceiling at the ear is {str(level)[:40]} dB SPL; {low:g} to {high:g} is accepted.")
    return float(level)
