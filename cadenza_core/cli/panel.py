"""``cadenza panel``: blind listening tests: make them, invite, serve, watch, export, remove."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import CadenzaError
from ..settings import Settings
from .console import JsonOption, guarded, notes, out, progress, settings_of, table
from .root import app

if TYPE_CHECKING:
    from ..store import Store

__all__: list[str] = []

panel_app = typer.Typer(help="Blind listening tests in the browser.", no_args_is_help=True)
app.add_typer(panel_app, name="panel")

TestArgument = Annotated[str, typer.Argument(help="Name of the test, as `cadenza panel list` shows it.")]
BaseOption = Annotated[str, typer.Option("--base", help="Address of the server, as participants reach it.")]
PORT = 8502
_BASE = f"http://localhost:{PORT}"


def open_store(settings: Settings) -> "Store":
    """Open the database."""
    from ..store import Store

    return Store.open(settings)


@panel_app.command()
def make(
    context: typer.Context,
    design: Annotated[Path, typer.Argument(help="The design: a YAML file (docs/listening.md).")],
    base: BaseOption = _BASE,
    json_output: JsonOption = False,
) -> None:
    """Make a test: check the design, make all its sounds, invite its participants, print their links."""
    with guarded(json_output=json_output):
        from ..listening import read_design
        from ..listening.panels import make_panel, participants_frame

        settings = settings_of(context)
        try:
            text = design.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CadenzaError(f"{design} cannot be read as a text file: {error}.") from error
        read = read_design(text, design.parent.absolute(), design.name)
        with open_store(settings) as store, progress(f"Making {read.name}") as show:
            said = make_panel(store, settings, read, progress=show)
            people = participants_frame(store, read.name)
        _links(read.name, people.to_dict("records"), base, json_output)
        notes(said)


@panel_app.command("list")
def list_panels(context: typer.Context, json_output: JsonOption = False) -> None:
    """List the tests, the newest first."""
    with guarded(json_output=json_output):
        from ..listening.panels import panels_frame

        with open_store(settings_of(context)) as store:
            rows = panels_frame(store).to_dict("records")
        listing = table("test", "design", "participants>", "finished>", "trials answered>", "title")
        for row in rows:
            counts = (str(row[key]) for key in ("participants", "finished", "answers"))
            listing.add_row(row["name"], row["design"], *counts, row["title"])
        shown = [{**row, "created": str(row["created"])} for row in rows]
        out(json_output, shown, lambda console: console.print(listing if rows else "No listening test yet."))


@panel_app.command()
def links(
    context: typer.Context, test: TestArgument, base: BaseOption = _BASE, json_output: JsonOption = False
) -> None:
    """Print the participants' links, and how far each is."""
    with guarded(json_output=json_output):
        from ..listening.panels import participants_frame

        with open_store(settings_of(context)) as store:
            people = participants_frame(store, test)
        _links(test, people.to_dict("records"), base, json_output)


def _links(test: str, people: list[dict[str, Any]], base: str, json_output: bool) -> None:
    from ..listening.web import LISTEN_URL

    rows = [{**row, "link": f"{base.rstrip('/')}{LISTEN_URL}/{row['participant']}"} for row in people]
    listing = table("link", "listener", "state", "done>", title=f"{test}: {len(rows)} participants")
    for row in rows:
        listing.add_row(row["link"], row["listener"], row["state"], f"{row['done']} of {row['trials']}")
    shown = [{**row, "last": str(row["last"]) if row["done"] else None} for row in rows]
    out(json_output, {"test": test, "participants": shown}, lambda console: console.print(listing))


@panel_app.command()
def add(
    context: typer.Context,
    test: TestArgument,
    count: Annotated[int, typer.Option("--count", min=1, help="How many, of each listener.")] = 1,
    listener: Annotated[list[str] | None, typer.Option(help="Listener id; repeatable. None: not amplified.")] = None,
    base: BaseOption = _BASE,
    json_output: JsonOption = False,
) -> None:
    """Invite further participants; sounds for new listeners are made."""
    with guarded(json_output=json_output):
        from ..listening.panels import add_participants, participants_frame

        settings = settings_of(context)
        with open_store(settings) as store, progress(f"Inviting to {test}") as show:
            codes = add_participants(store, settings, test, (listener or [""]) * count, progress=show)
            people = participants_frame(store, test)
        _links(test, people[people["participant"].isin(codes)].to_dict("records"), base, json_output)


@panel_app.command()
def export(
    context: typer.Context,
    test: TestArgument,
    to: Annotated[Path, typer.Option("--out", help="File to write: .csv, .parquet, .json or .tex.")],
    json_output: JsonOption = False,
) -> None:
    """Write all answers as a tidy table: a row for each participant, trial, condition and scale."""
    with guarded(json_output=json_output):
        from ..listening.answers import answers_frame
        from ..store.exporting import write_table

        with open_store(settings_of(context)) as store:
            frame = answers_frame(store, test)
        said = write_table(frame, to)
        data = {"test": test, "rows": len(frame), "file": str(to)}
        out(json_output, data, lambda console: console.print(f"{len(frame):,} rows written to {to}"))
        notes(said)


@panel_app.command()
def remove(
    context: typer.Context,
    test: TestArgument,
    participant: Annotated[
        str | None, typer.Option(help="Code of one participant; without it, the whole test.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Remove a participant with all answers, or a whole test with its sounds; there is no way back."""
    with guarded(json_output=json_output):
        from ..listening.panels import find_panel, remove_panel, remove_participant

        settings = settings_of(context)
        with open_store(settings) as store:
            find_panel(store, test)
            what = f"the participant {participant} and all answers" if participant else "the whole test and all answers"
            if not yes and not typer.confirm(f"Remove {what} of {test}?", err=True):
                raise CadenzaError("Nothing was removed.")
            count = None
            if participant:
                count = remove_participant(store, test, participant)
            else:
                remove_panel(store, settings, test)
        text = f"Removed: {what} of {test}."
        out(
            json_output,
            {"test": test, "participant": participant, "trials": count},
            lambda console: console.print(text),
        )


@panel_app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets the whole network in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = PORT,
) -> None:
    """Serve the participants' pages, and nothing else: what may be opened to a network, unlike the studio."""
    with guarded(json_output=False):
        import uvicorn

        from ..listening.running import Running
        from ..listening.web import participants_app

        settings = settings_of(context)
        with open_store(settings) as store:
            store.check_writable()
            served = participants_app(Running(store, settings))
            notes(
                [f"participants reach it at http://{host}:{port}; Ctrl-C stops it, and answers are stored as they come"]
            )
            uvicorn.run(served, host=host, port=port, log_level="warning", access_log=False)
