"""The browser, the server and the songs of the browser tests; without a browser they are skipped, with the reason."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for tests.browser.harness, whoever runs pytest

from cadenza_core.catalog import demo_song
from cadenza_core.separation import separate
from cadenza_core.settings import Settings
from tests.browser.harness import server, songs
from tests.browser.studio_server import serve
from tests.lass import clips_folder, tiny_checkpoint  # noqa: F401


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if reason := server.missing():
        pytest.skip(f"no browser tests: {reason}")
    with server.browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def studio(
    chromium: Any,
    tiny_checkpoint: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
    with_demo: Callable[[Path], Path],
) -> Iterator[str]:
    """The studio itself; gives its URL. At home: the demo song, separated, and a tiny model that extracts by description."""
    home = with_demo(tmp_path_factory.mktemp("studio") / "home")
    settings = Settings(home=home, models=home / "models")
    separate(demo_song(settings), "preview", settings)  # once, not again for each page that is closed meanwhile
    folder = settings.models / "lass"
    folder.mkdir(parents=True)
    for path in (tiny_checkpoint, tiny_checkpoint.with_suffix(".json")):
        (folder / path.name).write_bytes(path.read_bytes())
    with serve(home) as (url, _):
        yield url


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The folder of the songs, and the data of each."""
    folder = tmp_path_factory.mktemp("sounds")
    made = {
        "clicks": songs.write_song(folder, "clicks", songs.clicks()),
        "constant": songs.write_song(folder, "constant", songs.constant()),
        "tone": songs.write_song(folder, "tone", songs.tone()),
        "music": songs.write_song(folder, "music", songs.music(), reference=True),
    }
    return {"folder": folder, **made}


@pytest.fixture(scope="session")
def base(sounds: dict[str, Any]) -> Iterator[str]:
    if reason := server.missing():
        pytest.skip(f"no browser tests: {reason}")
    with server.serve(sounds["folder"]) as url:
        yield url


@pytest.fixture(scope="session")
def window(chromium: Any) -> Iterator[Any]:
    """One window for many tests, 1280 x 800, light: what the pages' scripts are, the browser has read and compiled once."""
    window = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    yield window
    window.close()


@pytest.fixture
def page(window: Any, base: str) -> Iterator[Any]:
    """The harness page; a script error or a request to another host fails the test."""
    page = window.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: errors.append(request.url) if foreign(request.url, base) else None)
    page.goto(base + "/harness/page.html")
    page.wait_for_function("window.harness")
    yield page
    page.close()
    assert not errors


def foreign(url: str, base: str) -> bool:
    return not url.startswith((base, "data:", "blob:"))


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's script, from the npm registry, kept in a folder that git ignores."""
    script = server.ROOT / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        script.parents[2].mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(script.parents[2]), "--no-audit", "--no-fund", "axe-core@4.11"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"axe-core cannot be installed: {error}")
    return script.read_text(encoding="utf-8")
