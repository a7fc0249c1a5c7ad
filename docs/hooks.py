"""Pages of the site that are made from the code and the README, so that they cannot fall behind."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_PARTS = {"index.md": "", "figures.md": "Measured", "not-verified.md": "What is not verified"}
#: Links from the README into docs/, and what else it shows.
_LINK = re.compile(r"\]\(docs/([\w-]+\.md)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    for name, content in pages().items():
        files.append(File.generated(config, name, content=content))
    image = ROOT / "assets" / "screenshot.png"
    files.append(File.generated(config, "images/screenshot.png", abs_src_path=str(image)))
    return files


def pages() -> dict[str, str]:
    """Give all of them, name to Markdown."""
    made = {name: readme_part(title) for name, title in _PARTS.items()}
    return {**made, "cli.md": command_line(), "api.md": api()}


def readme_part(title: str) -> str:
    """Give a section of the README as a page; without a title, what stands before the table of commands."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    if title:
        found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        if found is None:
            raise ValueError(f"README.md has no section {title!r}")
        text = f"# {title}\n{found[1]}"
    else:
        text = text.partition("\n## The command line\n")[0]
    text = _LINK.sub(r"](\1)", text).replace("assets/screenshot.png", "images/screenshot.png")
    return re.sub(r"\[(CONTRIBUTING|CHANGELOG)\.md\]\([^)]*\)", r"`\1.md`", text)


def command_line() -> str:
    """Give the reference of the command line, from the program itself by Typer's own command."""
    command = [
        sys.executable,
        "-m",
        "typer",
        "cadenza_core.cli",
        "utils",
        "docs",
        "--name",
        "cadenza",
        "--title",
        "Command line",
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        check=True,
    )
    text = html.unescape(done.stdout.decode("utf-8"))
    text = text.replace("<", "&lt;").replace("`&lt;", "`<")
    return text.replace(
        "\n\n",
        "\n\nExit status: 0 done, 1 an error said in a sentence or a faulty submission, 2 a wrong call, 130 stopped.\n\n",
        1,
    )


def api() -> str:
    """Give the reference of the Python packages: each room, as its own ``__all__`` has it."""
    lines = [
        "# Python",
        "",
        "Each room of `cadenza_core`, from below to above; [how it works](how-it-works.md) has the picture.",
    ]
    rooms = [path.parent.name for path in sorted((ROOT / "cadenza_core").glob("*/__init__.py"))]
    for room in [*rooms, "errors", "files", "people", "progress", "settings"]:
        lines += ["", f"::: cadenza_core.{room}"]
    return "\n".join(lines) + "\n"
