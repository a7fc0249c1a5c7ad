"""The true stems as a separation system: what a perfect separator would give."""

from ..audio import Audio, Stems
from ..errors import CadenzaError
from ..progress import Progress, silent
from .base import SystemInfo, register

__all__ = ["INFO", "Reference"]

INFO = SystemInfo(
    id="reference",
    title="True stems",
    licence="that of the song",
    trained_on="nothing",
    cad1_closed=False,
    size_mb=0.0,
    source="the song's own stems",
    oracle=True,
    cached=False,
    note="Not a separation: the song's true stems, for reference.",
)


class Reference:
    """Gives back the truth."""

    info = INFO

    def identity(self) -> dict[str, str | int | float | bool]:
        """Nothing but the input matters."""
        return {"version": 1}

    def unavailable_reason(self) -> None:
        """It needs nothing that could be missing."""

    def separate(self, mixture: Audio, *, truth: Stems | None = None, progress: Progress = silent) -> Stems:
        """Give `truth`.

        Raises
        ------
        CadenzaError
            If there are no true stems.
        """
        if truth is None:
            raise CadenzaError("The system 'reference' gives a song's true stems, and this song has none.")
        progress(1.0, "read the true stems")
        return truth


register(INFO, lambda settings: Reference())
