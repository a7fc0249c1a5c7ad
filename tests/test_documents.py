"""The site's pages that are made from code and README, and its table of contents."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs" / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def test_every_page_is_in_the_table_of_contents_and_the_other_way_round(pages):
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"[\w-]+\.md", text.partition("\nnav:")[2]))
    assert listed == {path.name for path in (ROOT / "docs").glob("*.md")} | set(pages)
    assert yaml.safe_load(text)["theme"]["font"] is False  # nothing is fetched from another host


def test_links_and_pictures_of_the_pages_are_there(pages):
    there = (
        {path.name for path in (ROOT / "docs").glob("*.md")} | set(pages) | {"images/screenshot.png"}
    )  # the README's
    for path in (ROOT / "docs").glob("*.md"):
        for link in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
            if not link.startswith(("http", "mailto:")):
                assert link in there or (path.parent / link).is_file(), f"{path.name}: {link}"


def test_the_command_line_is_told_whole(pages):
    import typer

    from cadenza_core.cli import app

    def walk(command, name):
        yield name
        for below, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{name} {below}")

    text = pages["cli.md"]
    missing = [
        name for name in walk(typer.main.get_command(app), "cadenza") if f"`{name}`" not in text and name != "cadenza"
    ]
    assert not missing and "--system" in text


def test_the_readmes_parts_are_pages_of_their_own(pages):
    assert pages["figures.md"].startswith("# Measured") and "HAAQI" in pages["figures.md"]
    assert "weights" in pages["not-verified.md"]
    assert "](docs/" not in "".join(pages.values())
    rooms = {path.parent.name for path in (ROOT / "cadenza_core").glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"::: cadenza_core\.(\w+)", pages["api.md"]))
