"""What the figures share and needs no chart library: colours, and names as labels.

Names come from files of others: none of them is markup here. One colour per stem everywhere, from the Okabe-Ito set, which is
told apart without colour vision: vocals vermillion, drums blue, bass bluish green, other reddish purple.
"""

import html
from collections.abc import Iterable, Sequence

import pandas as pd

__all__ = ["GREY", "STEM_COLOURS", "SYSTEM_COLOURS", "colours_of", "labels_of", "ordered", "short", "text_of"]

STEM_COLOURS = {"vocals": "#D55E00", "drums": "#0072B2", "bass": "#009E73", "other": "#CC79A7", "remix": "#7D8A99"}
#: Colours of systems: Tol's "bright" set and three of his "vibrant", told apart without colour vision on light and dark.
SYSTEM_COLOURS = (
    "#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#EE7733", "#009988", "#994455", "#999999",
)  # fmt: skip
GREY = "#7D8A99"
_LONGEST = 34


def text_of(name: object) -> str:
    """Give a name as it is: Plotly takes some HTML for markup."""
    return html.escape(str(name), quote=False)


def short(name: object) -> str:
    """Give a name as it is, cut off where it is long."""
    text = str(name)
    return text_of(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def labels_of(names: Iterable[object]) -> dict[str, str]:
    """Give a short label for each name; no two are alike."""
    found: dict[str, str] = {}
    for name in map(str, names):
        label, number = short(name), 1
        while found.get(name, "") != label and label in found.values():
            number += 1
            label = f"{short(name)} ({number})"
        found[name] = label
    return found


def colours_of(systems: Sequence[str]) -> dict[str, str]:
    """Give each system a colour."""
    return {system: SYSTEM_COLOURS[number % len(SYSTEM_COLOURS)] for number, system in enumerate(systems)}


def ordered(column: pd.Series) -> list[str]:
    """Give the values of a column once each, in the order of their coming."""
    return [str(value) for value in dict.fromkeys(column)]
