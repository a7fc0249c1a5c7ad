"""Cadenza Studio's core: songs and listeners in; stems, remixes, scores and submission files out.

Data flows one way: ``catalog`` -> ``separation`` -> ``hearing`` / ``remix`` -> ``quality`` -> ``submission``. A module
never imports one further down that line. Audio is float32, shape (channels, samples), full scale 1.0, with its sample
rate beside it; 0 dB FS stands for 100 dB SPL (CAD1's submission page).
"""

__version__ = "0.1.0"
