"""How severe a hearing loss is, in words: the grades of the British Society of Audiology, as CAD1 names its listeners."""

from clarity.utils.audiogram import Audiogram, Listener

from ..catalog import pure_tone_average

__all__ = ["BANDS", "listener_severity", "severity"]

#: Grade and its upper limit, dB HL: of the average over 500, 1000, 2000 and 4000 Hz here.
BANDS = (("none", 20.0), ("mild", 40.0), ("moderate", 70.0), ("severe", 95.0), ("profound", 120.0))


def severity(level: float) -> str:
    """Give the grade of a hearing level in dB HL."""
    return next((name for name, limit in BANDS if level <= limit), BANDS[-1][0])


def listener_severity(listener: Listener) -> str:
    """Give the grade of the better ear's average."""
    ears: tuple[Audiogram, Audiogram] = (listener.audiogram_left, listener.audiogram_right)
    return severity(min(pure_tone_average(ear) for ear in ears))
