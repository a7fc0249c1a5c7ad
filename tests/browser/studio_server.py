"""The studio's own server for browser tests: on a free port, with a home of its own, and what pages are asked there."""

import contextlib
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .harness.server import ROOT, free_port, wait_for

ENGINE = "cadenzaMixer.engine"


@contextlib.contextmanager
def serve(home: Path, port: int | None = None, *options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run ``streamlit run app.py``; gives its URL and its process."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.headless=true"]
    command += options
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CADENZA_")}
    environment |= {"CADENZA_HOME": str(home), "PYTHONPATH": str(ROOT)}
    log = (home.parent / f"{home.name}.log").open("ab")
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
    url = f"http://localhost:{port}"
    try:
        wait_for(url + "/_stcore/health", process)
        yield url, process
    finally:
        process.kill()
        process.wait()
        log.close()


def ask(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Ask for an address as it is written; gives status, headers (lower case), content."""
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def open_page(context: Any, url: str, query: str = "", *, ready: bool = True) -> Any:
    """Open the studio; the page notes script errors and requests to other hosts in `faults`, and all in `requests`."""
    page = context.new_page()
    page.faults, page.asked = [], []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda said: page.faults.append(said.text) if "Security Policy" in said.text else None)
    page.on("request", lambda request: page.asked.append(request.url))
    ours = (url, url.replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(ours) else page.faults.append(request.url))
    page.goto(f"{url}/{query}")
    if ready:
        wait_ready(page)
    return page


def wait_ready(page: Any) -> None:
    page.wait_for_function(f"globalThis.cadenzaMixer && {ENGINE}.isReady", timeout=90000)
    page.locator(".mixer").wait_for()
