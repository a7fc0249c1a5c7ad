"""The program itself and its top-level options."""

from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..separation import load_local
from ..settings import Settings
from .console import guarded

app = typer.Typer(
    name="cadenza",
    help="Separate, remix, amplify and score music for listeners with hearing loss.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

__all__ = ["app"]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"cadenza {__version__}")
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option(help="Folder for cache and models [env: CADENZA_HOME].")] = None,
    music: Annotated[list[Path] | None, typer.Option(help="Folder or file with songs; repeatable.")] = None,
    listeners: Annotated[list[Path] | None, typer.Option(help="Listener file (JSON); repeatable.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = None,
    database: Annotated[str | None, typer.Option(help="SQLite file or postgresql:// URL of the scores.")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Read the settings before any command."""
    absolute = [path.expanduser().absolute() for path in music] if music else None
    files = [path.expanduser().absolute() for path in listeners] if listeners else None
    with guarded(json_output=False):
        context.obj = Settings.load(home=home, music=absolute, listeners=files, device=device, database=database)
        load_local(context.obj)
