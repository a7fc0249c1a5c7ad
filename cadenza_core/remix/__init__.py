"""From stems to what is heard: gains and rendering."""

from .gains import EARS, UNITY, Gains
from .render import ear_stems, mix, remix_processed, render

__all__ = ["EARS", "UNITY", "Gains", "ear_stems", "mix", "remix_processed", "render"]
