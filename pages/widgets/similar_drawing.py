"""What the pictures of the similar-sounds page share: colours, and marks of time."""

from .messages import clock

__all__ = ["COLOURS", "time_ticks"]

#: Told apart without colour vision and on both themes (Okabe & Ito, 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7f00", "#7f7f7f")


def time_ticks(last: float) -> tuple[list[int], list[str]]:
    """Give places, s, and words of about a dozen marks up to `last`."""
    step = next((step for step in (5, 10, 20, 30, 60, 120, 300, 600) if last / step <= 14), 1800)
    values = [step * k for k in range(int(last // step) + 1)]
    return values, [clock(value) for value in values]
