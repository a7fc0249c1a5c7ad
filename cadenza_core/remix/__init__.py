"""From stems to what is heard: gains, rendering, the mixer's settings, presets and links."""

from .gains import EARS, UNITY, Gains
from .link import Link, extraction_query, settings_query
from .mixdown import Mixdown, mixdown
from .presets import Preset, Presets
from .render import ear_stems, mix, remix_processed, render
from .settings import HEAR, Lane, MixSettings

__all__ = [
    "EARS",
    "HEAR",
    "UNITY",
    "Gains",
    "Lane",
    "Link",
    "MixSettings",
    "Mixdown",
    "Preset",
    "Presets",
    "ear_stems",
    "extraction_query",
    "mix",
    "mixdown",
    "remix_processed",
    "render",
    "settings_query",
]
