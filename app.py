"""The server: Streamlit's pages, and beside them our own routes for sounds and the mixer's files.

``streamlit run app.py`` (or ``make app``) starts it. What is slow at the first start (the demo song, its separation) begins
here, before anybody opens a page.
"""

import importlib
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
# Streamlit puts the script's folder into sys.path for each run and takes it out again, unless it is there: a job in another
# thread that looks for a package meanwhile may miss one.
sys.path += [folder for folder in (str(ROOT), str(ROOT / "pages")) if folder not in sys.path]

# The thread that answers the browser takes turns with those that compute: every millisecond, not every five.
sys.setswitchinterval(0.001)

from cadenza_core.errors import CadenzaError  # noqa: E402
from cadenza_core.settings import Settings  # noqa: E402
from pages.widgets.first import begin  # noqa: E402

making = None
with suppress(CadenzaError, OSError):  # whoever needs the settings or the song says what is wrong with them
    making = begin(Settings.load())  # at the first start; the server is imported meanwhile

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from pages.access import announce  # noqa: E402
from pages.routes import Edge, routes  # noqa: E402
from pages.widgets.messages import script_error  # noqa: E402
from pages.widgets.services import services  # noqa: E402

# The first page amplifies: what it needs for that is loaded before it is there, and not while somebody waits.
importlib.import_module("clarity.enhancer.nalr")

try:
    print(announce(), flush=True)
except CadenzaError as error:
    sys.exit(str(error))


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Begin what the first page will need; at the end, stop all work."""
    # The studio's modules are loaded while the browser still starts.
    threading.Thread(target=importlib.import_module, args=("pages.widgets.desk",), daemon=True).start()
    services().warm_up(making)
    yield
    services().jobs.close()
    services().long_jobs.close()


app = st.App(
    ROOT / "pages" / "navigation.py",
    routes=routes(),
    middleware=[Middleware(Edge)],
    lifespan=lifespan,
    on_script_error=script_error,
)
