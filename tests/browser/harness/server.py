"""A small server of our own for the mixer's tests, and the browser that visits it."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
ASSETS = ROOT / "assets"

#: Without a sound card, a screen, or a word to any other host.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--enable-precise-memory-info",
    "--host-resolver-rules=MAP studio.test 127.0.0.1",  # this machine by a name that browsers do not trust
]


def missing() -> str | None:
    """Tell what the browser tests lack here; None if nothing."""
    try:
        import playwright.sync_api  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed"
    return None if chromium() else "no chromium on the PATH"


def chromium() -> str | None:
    """Give the path of the browser, if there is one: the shell without any window of its own first, a third of the work."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Start headless Chromium; gives Playwright's Browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=FLAGS, headless=True)
        try:
            yield running
        finally:
            running.close()


def routes(folder: Path) -> list[Any]:
    """Give the routes that the mixer's contract asks for, with `folder` as the sounds."""
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    class Revalidated(StaticFiles):
        def file_response(self, *args: Any, **options: Any) -> Any:
            response = super().file_response(*args, **options)
            response.headers["Cache-Control"] = "no-cache"
            return response

    return [
        Mount("/assets", Revalidated(directory=ASSETS)),
        Mount("/audio", Revalidated(directory=folder)),
        Mount("/harness", Revalidated(directory=HERE)),
    ]


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the harness page, the assets and `folder`; gives the base URL."""
    from starlette.applications import Starlette

    with serve_app(Starlette(routes=routes(folder))) as url:
        yield url


@contextlib.contextmanager
def serve_app(app: Any) -> Iterator[str]:
    """Serve an ASGI app in a thread; gives the base URL."""
    import uvicorn

    port = free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(5)


@contextlib.contextmanager
def streamlit(folder: Path, port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the harness's Streamlit app with `folder` as its sounds, on a free port; gives its URL and its process."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(HERE / "app.py"), f"--server.port={port}"]
    quiet = ["--server.headless=true", "--browser.gatherUsageStats=false", "--server.address=127.0.0.1"]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "MIXER_SOUNDS": str(folder)}
    process = subprocess.Popen([*command, *quiet], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url + "/_stcore/health", process)
        yield url, process
    finally:
        process.kill()
        process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 60.0) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer")
