"""Make the pictures of the tour: the real studio with the demo song, in a headless browser.

``python docs/screenshots.py`` from the project's folder, where the browser tests run.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.harness import server  # noqa: E402
from tests.browser.studio_server import serve, wait_ready  # noqa: E402

IMAGES = ROOT / "docs" / "images"
#: A remix worth looking at: the voice raised, the drums lower.
QUERY = "?listener=N3&vocals=4&drums=-3&hear=aided"


def main() -> int:
    """Make them all."""
    if reason := server.missing():
        print(f"The browser cannot be driven here: {reason}.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name, serve(Path(name) / "home") as (url, _), server.browser() as browser:
        page = browser.new_context(viewport={"width": 1360, "height": 860}).new_page()
        page.goto(f"{url}/{QUERY}")
        wait_ready(page)
        _shot(page, "tour-studio")
        page.wait_for_function("globalThis.cadenzaAudibility?.result", timeout=120_000)
        _shot(page.locator(".cadenza-audibility"), "tour-audibility")
        page.get_by_role("button", name="Score this mix").click()
        page.get_by_text("Why this score?").click(timeout=120_000)
        page.locator(".st-key-why_picture svg").wait_for()
        page.set_viewport_size({"width": 1360, "height": 1600})
        time.sleep(1.5)
        first, last = (page.locator(f".st-key-{key}").bounding_box() for key in ("desk_panel", "why_picture"))
        size = {"width": first["width"] + 24, "height": last["y"] + last["height"] + 12 - first["y"]}
        _shot(page, "tour-scores", clip={"x": first["x"] - 12, "y": first["y"] - 12, **size})
    return 0


def _shot(what: Any, name: str, **options: Any) -> None:
    time.sleep(1.5)  # pictures fade in
    what.screenshot(path=IMAGES / f"{name}.png", **options)


if __name__ == "__main__":
    raise SystemExit(main())
