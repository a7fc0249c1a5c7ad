"""What a participant's browser is told when it may not do what it asks for."""

from ..errors import CadenzaError

__all__ = ["Refused"]


class Refused(CadenzaError):
    """What a browser may not do, with HTTP's status and a word for the page."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
