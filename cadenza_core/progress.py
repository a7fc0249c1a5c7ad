"""One way to tell how far work has come, for a page, a terminal and a log alike.

A progress callback takes the share done (0 to 1) and a short text. To cancel the work, it raises
:class:`~cadenza_core.errors.Cancelled`; the work stops where it stands and leaves nothing half-written.
"""

from collections.abc import Callable

__all__ = ["Progress", "part", "silent"]

Progress = Callable[[float, str], None]


def silent(done: float, text: str) -> None:
    """Show nothing."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Give a callback whose 0 to 1 is `start` to `stop` of `progress`."""
    return lambda done, text: progress(start + (stop - start) * done, text)
