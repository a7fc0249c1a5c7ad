"""Lyrics: what a recogniser gets of a sung line, in the mixture, the remix, and through the listener's hearing loss."""

from pages.widgets.lyrics import lyrics

lyrics()
