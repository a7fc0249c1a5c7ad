"""What a participant's browser asks for: one page, its state, its sounds; and what it sends: steps and answers.

The routes stand beside the studio's own pages, or alone in a server that has nothing else (:func:`participants_app`), which is
what a network may see. The link is all that a participant needs; nothing of another one can be reached with it.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import CadenzaError
from .refusal import Refused

if TYPE_CHECKING:  # the database is loaded with the first participant
    from .running import Running

__all__ = ["ASSETS", "LISTEN_URL", "SoundResponse", "participant_routes", "participants_app"]

LISTEN_URL = "/listen"
#: The page's modules; they lie beside the package, in a checkout.
ASSETS = Path(__file__).resolve().parents[2] / "assets"
#: Folders of :data:`ASSETS` that the page needs.
_NEEDED = ("listen", "mixer", "player")
_LARGEST = 2_000_000  # bytes of what a browser sends
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_Running = Callable[[], "Running"]


class SoundResponse(FileResponse):
    """A file in pieces of 1 MiB: each piece waits for its turn beside everything else."""

    chunk_size = 1 << 20


def participant_routes(running: _Running) -> list[Route]:
    """Give the routes.

    Parameters
    ----------
    running : function
        Gives the tests; called at the first request.
    """

    def page(request: Request) -> Response:
        return HTMLResponse(
            (ASSETS / "listen" / "page.html").read_bytes(), headers={**_HEADERS, "Cache-Control": "no-store"}
        )

    def opened(request: Request, content: Mapping[str, Any]) -> dict[str, Any]:
        return running().open(request.path_params["code"])

    def step(request: Request, content: Mapping[str, Any]) -> dict[str, Any]:
        return running().step(request.path_params["code"], str(content.get("tab")), str(content.get("step")), content)

    def answer(request: Request, content: Mapping[str, Any]) -> dict[str, Any]:
        browser = request.headers.get("user-agent", "")
        return running().answer(request.path_params["code"], str(content.get("tab")), content, browser)

    def sound(request: Request) -> Response:
        place = request.path_params
        path = (
            None
            if _is_foreign(request)
            else running().sound(place["code"], place["number"], place["place"], place["mac"])
        )
        if path is None:
            return PlainTextResponse("Nothing here.", status_code=404, headers=_HEADERS)
        headers = {**_HEADERS, "Cache-Control": "private, max-age=86400, immutable", "ETag": f'"{place["mac"]}"'}
        return SoundResponse(
            path, media_type="audio/flac", headers={**headers, "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"}
        )

    code = LISTEN_URL + "/{code:str}"
    return [
        Route(code, page, methods=["GET"]),
        Route(code + "/open", _posted(opened), methods=["POST"]),
        Route(code + "/steps", _posted(step), methods=["POST"]),
        Route(code + "/answers", _posted(answer), methods=["POST"]),
        Route(code + "/{number:int}/{place:str}/{mac:str}", sound, methods=["GET"]),
    ]


def _posted(work: Callable[[Request, Mapping[str, Any]], dict[str, Any]]) -> Callable[[Request], Any]:
    """Take JSON from a page of ours, work on it in a thread, and give JSON: a state, or why not."""
    from starlette.concurrency import run_in_threadpool

    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await run_in_threadpool(work, request, await _content(request)), headers=_NO_STORE)
        except Refused as error:
            return JSONResponse(
                {"reason": error.reason, "text": str(error)}, status_code=error.status, headers=_NO_STORE
            )
        except CadenzaError as error:  # the disk is full, the database locked: the page tries again
            return JSONResponse({"reason": "server", "text": str(error)}, status_code=503, headers=_NO_STORE)

    return endpoint


_NO_STORE = {**_HEADERS, "Cache-Control": "no-store"}


async def _content(request: Request) -> Mapping[str, Any]:
    if _is_foreign(request):
        raise Refused(403, "foreign", "This is not for other sites.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            raise Refused(413, "large", f"More than {_LARGEST:,} bytes were sent.")
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise Refused(400, "json", "What was sent is not JSON.") from error
    if not isinstance(content, dict):
        raise Refused(400, "json", "An object is wanted.")
    return content


def _is_foreign(request: Request) -> bool:
    """Tell whether a page of another site asks; browsers say so themselves."""
    origin = request.headers.get("origin", "")
    if origin and origin.partition("://")[2] != request.headers.get("host", ""):
        return True
    return request.headers.get("sec-fetch-site", "none") in {"cross-site", "same-site"}


class _NoCache:
    """Static files that are asked about each time: after an update no old one is used."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.datastructures import MutableHeaders

        async def with_header(message: Any) -> None:
            if message["type"] == "http.response.start" and scope.get("path", "").startswith("/assets/"):
                MutableHeaders(scope=message)["Cache-Control"] = "no-cache"
            await send(message)

        await self.app(scope, receive, with_header)


def participants_app(running: "Running") -> Starlette:
    """Give a server of its own, with nothing in it but the participants' pages.

    Raises
    ------
    CadenzaError
        If the page's files are not there: the package alone does not have them.
    """
    if missing := [name for name in _NEEDED if not (ASSETS / name).is_dir()]:
        raise CadenzaError(
            f"The folder {ASSETS / missing[0]} is not there: run this from a checkout of Cadenza Studio."
        )
    mounts = [Mount(f"/assets/{name}", StaticFiles(directory=ASSETS / name)) for name in _NEEDED]
    return Starlette(routes=[*participant_routes(lambda: running), *mounts], middleware=[Middleware(_NoCache)])
