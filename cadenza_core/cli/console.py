"""What the commands share: output for people or machines, progress, and errors as sentences."""

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from ..catalog import Excerpt
from ..errors import CadenzaError
from ..progress import Progress
from ..quality import HaaqiExplanation, sentences
from ..settings import Settings

__all__ = [
    "ExcerptOption",
    "JsonOption",
    "guarded",
    "notes",
    "out",
    "parse_excerpt",
    "print_explanations",
    "progress",
    "settings_of",
    "table",
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
ExcerptOption = Annotated[str | None, typer.Option(help="Part of the song, START-STOP in seconds or m:ss.")]

_errors = Console(stderr=True, highlight=False)


def settings_of(context: typer.Context) -> Settings:
    """Give the settings that the top-level options made."""
    settings: Settings = context.obj
    return settings


def parse_excerpt(text: str | None) -> Excerpt:
    """Read the option `--excerpt`; nothing is the whole song."""
    return Excerpt.parse(text) if text else Excerpt()


@contextlib.contextmanager
def guarded(*, json_output: bool) -> Iterator[None]:
    """End the command with one sentence where an error is the user's to mend, and with 130 after Ctrl-C."""
    try:
        yield
    except CadenzaError as error:
        if json_output:
            sys.stdout.write(json.dumps({"error": str(error)}, ensure_ascii=False) + "\n")
        _errors.print(f"[bold red]Error:[/] {_escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        _errors.print("Stopped. What was finished is kept, nothing half-written is left; run it again to go on.")
        raise typer.Exit(130) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(1) from None


def out(json_output: bool, data: Any, show: Callable[[Console], None]) -> None:
    """Print a result: `data` as JSON, or what `show` prints for a person. NaN and infinity become null in JSON."""
    if json_output:
        sys.stdout.write(json.dumps(_plain(data), ensure_ascii=False, indent=2) + "\n")
    else:
        show(Console(highlight=False, width=None if sys.stdout.isatty() else 200))


def notes(texts: tuple[str, ...] | list[str]) -> None:
    """Say on standard error what the user should know: nothing is changed silently."""
    for text in texts:
        _errors.print(f"[yellow]Note:[/] {_escape(text)}", soft_wrap=True)


def table(*columns: str, title: str | None = None) -> Table:
    """Make an empty table; a column whose name ends with ``>`` is set to the right."""
    made = Table(title=title, header_style="bold", box=None, pad_edge=False, title_justify="left")
    for number, column in enumerate(columns):
        side: Literal["left", "right"] = "right" if column.endswith(">") else "left"
        made.add_column(column.removesuffix(">"), justify=side, no_wrap=number == 0)
    return made


def print_explanations(console: Console, explanations: Mapping[str, HaaqiExplanation]) -> None:
    """Print why scores are what they are: what each term loses, and the same in words."""
    if not explanations:
        return
    terms = next(iter(explanations.values())).terms
    listing = table("lost to", *(f"{term.name}>" for term in terms), "score>")
    for name, explanation in explanations.items():
        listing.add_row(name, *(f"{term.lost:.3f}" for term in explanation.terms), f"{explanation.score:.3f}")
    console.print()
    console.print(listing)
    for name, explanation in explanations.items():
        console.print(f"\n[bold]{_escape(name)}[/]")
        for sentence in sentences(explanation):
            console.print(_escape(sentence))


@contextlib.contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show a progress bar on a terminal, and a line every tenth of the way in a log."""
    if not _errors.is_terminal:
        yield _log_lines(title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with RichProgress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=_errors, transient=True) as bar:
        task = bar.add_task(_escape(title), total=1.0)
        yield lambda done, text: bar.update(task, completed=done, description=_escape(f"{title}: {text}"))


def _log_lines(title: str) -> Progress:
    last = -1

    def show(done: float, text: str) -> None:
        nonlocal last
        tenth = int(done * 10)
        if tenth > last:
            last = tenth
            _errors.print(f"{title}: {done:.0%} {_escape(text)}", soft_wrap=True)

    return show


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
