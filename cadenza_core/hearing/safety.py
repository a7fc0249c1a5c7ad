"""Safe levels: how loud the studio may get, and how long that is safe.

Amplification for a severe loss is loud, and whoever tunes it may hear normally. So what leaves the page never exceeds a
ceiling, the first sound is soft, and what is loud is announced. Levels are in dB SPL by the user's calibration, the level of
0 dB FS (a root mean square of 1.0).

:data:`CEILING_DB_SPL`, 100 dB, holds the peaks: no sample and no value between two samples is above that of a root mean square
of 100 dB SPL, so no average level, however measured, is. 100 dB(A) is the most that IEC 62368-1 (10.6, measured by EN 50332)
allows of a personal music player; over-the-counter hearing aids may reach 111 dB SPL (21 CFR 800.30(d)).

:data:`WARNING_DB_SPL`, 85 dB: above it, IEC 62368-1 has a player ask its user to acknowledge that it gets loud.

:data:`START_DB_SPL`, 75 dB, is what the first sound is lowered to: safe for 40 hours a week even for children by WHO's and ITU's
standard for safe listening (Recommendation ITU-T H.870: 80 dB(A) for 40 hours a week for adults, 75 dB(A) for children; 3 dB
more halve the time).
"""

import json
import math
from pathlib import Path

from ..errors import CadenzaError
from ..files import atomic_file

__all__ = [
    "CEILING_DB_SPL",
    "CEILING_RANGE",
    "START_DB_SPL",
    "WARNING_DB_SPL",
    "Ceiling",
    "ceiling_factor",
    "check_ceiling",
    "weekly_hours",
]

CEILING_DB_SPL = 100.0
CEILING_RANGE = (60.0, 120.0)
WARNING_DB_SPL = 85.0
START_DB_SPL = 75.0
_ADULT_DB, _ADULT_HOURS, _EXCHANGE_DB = 80.0, 40.0, 3.0


def check_ceiling(level: float) -> float:
    """Check what a user sets as the ceiling, dB SPL; gives it as a float.

    Raises
    ------
    CadenzaError
        If it is not a number from 60 to 120.
    """
    low, high = CEILING_RANGE
    if isinstance(level, bool) or not isinstance(level, int | float) or not low <= level <= high:
        raise CadenzaError(
            f"The ceiling is said to be {str(level)[:40]} dB SPL; {low:g} to {high:g} is accepted, {CEILING_DB_SPL:g} is usual."
        )
    return float(level)


def ceiling_factor(ceiling_db_spl: float, calibration_db_spl: float) -> float:
    """Give the highest true peak that the ceiling allows, full scale 1.0."""
    return math.pow(10.0, (ceiling_db_spl - calibration_db_spl) / 20.0)


def weekly_hours(level_db_spl: float) -> float:
    """Give the hours a week for which a level is safe for adults after ITU-T H.870, at most a week."""
    return min(168.0, _ADULT_HOURS * 2.0 ** ((_ADULT_DB - level_db_spl) / _EXCHANGE_DB))


class Ceiling:
    """The ceiling that is set on this machine, in a file: it belongs to the headphones, not to a mix or a link.

    Parameters
    ----------
    path : Path
        Written when a ceiling is set.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> float:
        """Give the ceiling, dB SPL; the usual one while none is set.

        Raises
        ------
        CadenzaError
            If the file cannot be read or does not hold one.
        """
        try:
            return check_ceiling(json.loads(self.path.read_text(encoding="utf-8"))["ceiling_db_spl"])
        except FileNotFoundError:
            return CEILING_DB_SPL
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CadenzaError(
                f"{self.path} does not hold a ceiling ({error}). Delete it or set the ceiling anew; "
                f"{CEILING_DB_SPL:g} dB SPL is held."
            ) from error

    def write(self, level: float) -> None:
        """Set the ceiling, dB SPL.

        Raises
        ------
        CadenzaError
            If it is out of range or cannot be written.
        """
        content = json.dumps({"ceiling_db_spl": check_ceiling(level)})
        with atomic_file(self.path) as temporary:
            temporary.write_text(content, encoding="utf-8")
