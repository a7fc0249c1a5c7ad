"""How pages speak: plain sentences, names from users as they are, and never a traceback."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from cadenza_core.errors import CadenzaError

__all__ = ["clock", "guarded", "plain", "script_error"]

_LOG = logging.getLogger(__name__)
_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")
_UNEXPECTED = (
    "Something went wrong that should not have. The log of the server tells more; the rest of the page goes on."
)


def plain(text: str) -> str:
    """Give text that Markdown shows as it is: names from users are never markup."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def clock(seconds: float) -> str:
    """Give a time as m:ss."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


@contextmanager
def guarded() -> Iterator[None]:
    """Show an error as a sentence where it happens, and let the page go on."""
    try:
        yield
    except CadenzaError as error:
        st.error(plain(str(error)), icon=":material/error:")
    except OSError as error:
        _LOG.exception("a page could not reach a file")
        st.error(plain(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}."))


def script_error(error: Exception) -> bool:
    """Show what nobody expected as a sentence; Streamlit's own handler of errors in pages."""
    if isinstance(error, CadenzaError):
        st.error(plain(str(error)), icon=":material/error:")
    else:
        _LOG.error("a page failed", exc_info=error)
        st.error(_UNEXPECTED, icon=":material/error:")
    return True
