"""What a separation system is: facts that a user can read, and one function from a mixture to stems."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..audio import RATE, STEMS, Audio, Stems
from ..progress import Progress, silent
from ..settings import Settings

__all__ = ["Separator", "SystemInfo", "register", "registered", "unregister"]


@dataclass(frozen=True)
class SystemInfo:
    """The facts of one separation system.

    Parameters
    ----------
    id, title : str
        Name in commands and cache keys; name for people.
    licence : str
        Licence of the weights, or of the code where there are none.
    trained_on : str
        Training data, or "nothing".
    cad1_closed : bool
        Whether CAD1's rules let its output be submitted: trained on no more than MUSDB18-HQ's training set and the
        challenge's own extra data, no use of the true stems.
    size_mb : float
        Download size of the weights, MB (0: none needed).
    source : str
        Paper or page that it comes from.
    stems : tuple of str
        What it gives, in its own order.
    rate : int
        Sample rate it works at, Hz.
    oracle : bool
        It uses the true stems.
    cached : bool
        Its results are worth keeping: False where they are only read from elsewhere.
    note : str
        What a user should know about its quality or its rules.
    """

    id: str
    title: str
    licence: str
    trained_on: str
    cad1_closed: bool
    size_mb: float
    source: str
    stems: tuple[str, ...] = STEMS
    rate: int = RATE
    oracle: bool = False
    cached: bool = True
    note: str = ""


class Separator(Protocol):
    """One system, ready to be asked. Making one is cheap: weights are loaded by the first `separate`."""

    @property
    def info(self) -> SystemInfo:
        """The facts."""

    def identity(self) -> Mapping[str, str | int | float | bool]:
        """Everything besides the input that its result depends on: versions, digest of the weights, parameters.

        Must be cheap (no import of torch, no loading of weights): it is part of every cache key. The device is not
        part of it.

        Raises
        ------
        WeightsMissing
            If the identity hangs on a local file that is not there.
        """

    def unavailable_reason(self) -> str | None:
        """Say why it cannot be used on this machine now (package or weights missing); None if it can. Cheap."""

    def separate(self, mixture: Audio, *, truth: Stems | None = None, progress: Progress = silent) -> Stems:
        """Separate a song or excerpt.

        Parameters
        ----------
        mixture : Audio [2 channels, at `info.rate`]
        truth : Stems, optional
            The true stems, for an oracle (``info.oracle``); other systems ignore it.
        progress : Progress
            Called at least once a chunk; may raise Cancelled.

        Returns
        -------
        Stems
            With the names of ``info.stems`` and the length of the mixture.

        Raises
        ------
        WeightsMissing
            If the weights are not there and cannot be fetched.
        CadenzaError
            If an oracle gets no true stems.
        """


@dataclass(frozen=True)
class _Entry:
    info: SystemInfo
    make: Callable[[Settings], Separator] = field(repr=False)


_REGISTRY: dict[str, _Entry] = {}


def register(info: SystemInfo, make: Callable[[Settings], Separator]) -> None:
    """Offer a system under ``info.id``; `make` gets the settings and returns the separator."""
    if info.id in _REGISTRY:
        raise ValueError(f"separation system {info.id!r} is registered twice")
    _REGISTRY[info.id] = _Entry(info, make)


def unregister(system_id: str) -> None:
    """Withdraw a system; nothing happens if there is none of that id."""
    _REGISTRY.pop(system_id, None)


def registered() -> Mapping[str, _Entry]:
    """All systems by id, in the order in which they were registered."""
    return _REGISTRY
