"""The errors that a user sees. Each message says what was given, what is accepted, and what to do."""

__all__ = ["CadenzaError", "Cancelled", "WeightsMissing"]


class CadenzaError(Exception):
    """Something that a user can put right; its message is one or two plain sentences."""


class WeightsMissing(CadenzaError):
    """A separation system's weights are not on this machine and could not be fetched."""


class Cancelled(CadenzaError):
    """The user stopped the work. Raised by a progress callback, from inside the work."""
