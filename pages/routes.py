"""Our own routes beside Streamlit's: the mixer's files and numbers, sounds, peaks, levels, what was exported; and the pages
of listening tests, which their participants see instead of the studio.

A sound is asked for by the digest it is stored under and by its name, and both must be known: see
`cadenza_core.playback`. Nothing else on the disk can be reached. Pages of other sites get nothing.
"""

import functools
import hashlib
import re
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.web import ASSETS as PAGES_ASSETS
from cadenza_core.listening.web import LISTEN_URL, participant_routes
from cadenza_core.playback import levels_file
from cadenza_core.submission.archive import exports_folder

from .widgets.audibility import AUDIBILITY_ASSETS, AUDIBILITY_URL
from .widgets.hearing import HEARING_URL, hearing_numbers
from .widgets.mixer import ASSETS, ASSETS_URL
from .widgets.player import PLAYER_ASSETS, PLAYER_URL
from .widgets.services import services

__all__ = ["Edge", "routes"]

#: What lies under such an address never changes.
_FOREVER = "private, max-age=31536000, immutable"
_TYPES = {".flac": "audio/flac", ".wav": "audio/wav", ".peaks": "application/octet-stream"}
_ASSETS = {".js": "text/javascript", ".css": "text/css"}  # whatever this machine believes
_FOLDERS = {ASSETS_URL: ASSETS, AUDIBILITY_URL: AUDIBILITY_ASSETS, PLAYER_URL: PLAYER_ASSETS}
_FOLDERS["/assets/listen"] = PAGES_ASSETS / "listen"
_OURS = ("/assets/", "/audio/", "/peaks/", "/levels/", "/exports/", "/runs/", f"{LISTEN_URL}/")
_DIGEST = re.compile("[0-9a-f]{32}")


class _Sound(FileResponse):
    """A file in pieces of 1 MiB: each piece waits for its turn beside the page's scripts."""

    chunk_size = 1 << 20


class Edge:
    """What holds for every answer of the server.

    Addresses of ours with ``..`` in them, however it is written, are answered 404. A page tells the browser to fetch the
    mixer's modules at once, while the server still prepares what they will show.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or not."""
        path = scope.get("path", "")
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif path.startswith(_OURS) and ".." in path.replace("\\", "/").split("/"):
            await _nothing()(scope, receive, send)
        elif path.startswith(f"{LISTEN_URL}/"):  # a participant needs no mixer
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, functools.partial(_with_preload, send))


async def _with_preload(send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        headers = MutableHeaders(scope=message)
        if headers.get("content-type", "").startswith("text/html"):
            headers["link"] = _preload()
    await send(message)


@functools.cache
def _preload() -> str:
    modules = sorted(file.name for file in ASSETS.glob("*.js") if not file.name.endswith(".worklet.js"))
    return ", ".join(f"<{ASSETS_URL}/{name}>; rel=modulepreload" for name in modules)


def routes() -> list[Route]:
    """Give all of them."""
    return [
        *(Route(url + "/{name}", functools.partial(_asset, folder)) for url, folder in _FOLDERS.items()),
        Route("/audio/{set_id}/{name}", _sound),
        Route("/peaks/{set_id}/{name}", _peaks),
        Route("/levels/{set_id}", _levels),
        Route("/exports/{folder}/{name}", _export),
        Route("/runs/{run}/{name}", _result),
        Route(HEARING_URL, _hearing),
        *participant_routes(lambda: services().running),
    ]


async def _asset(folder: Path, request: Request) -> Response:
    """Give a file of the mixer or the picture below it, asked about each time: after an update no old one is used."""
    name: str = request.path_params["name"]
    if name not in {file.name for file in folder.iterdir() if file.suffix in _ASSETS}:
        return _nothing()
    content = (folder / name).read_bytes()  # small: no thread is worth waiting for
    tag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if tag in _tags(request):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=_ASSETS[Path(name).suffix], headers=headers)


async def _sound(request: Request) -> Response:
    name: str = request.path_params["name"]
    return _file(request, name) if name.endswith((".flac", ".wav")) else _nothing()


async def _peaks(request: Request) -> Response:
    name: str = request.path_params["name"]
    return _file(request, f"{name}.peaks")


def _levels(request: Request) -> Response:
    """Measured now, in a thread of the server's, if nobody has asked before."""
    set_id: str = request.path_params["set_id"]
    try:
        path = None if _is_foreign(request) else levels_file(services().sounds, set_id)
    except CadenzaError as error:
        return PlainTextResponse(str(error), status_code=500)
    if path is None:
        return _nothing()
    headers = {"Cache-Control": _FOREVER, "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type="application/octet-stream", headers=headers)


def _file(request: Request, file: str) -> Response:
    set_id: str = request.path_params["set_id"]
    path = services().sounds.path(set_id, file)
    if path is None or _is_foreign(request):
        return _nothing()
    tag = f'"{set_id}-{file}"'
    headers = {"ETag": tag, "Cache-Control": _FOREVER, "X-Content-Type-Options": "nosniff"}
    if tag in _tags(request):
        return Response(status_code=304, headers=headers)
    return _Sound(path, media_type=_TYPES[path.suffix], headers=headers)


def _export(request: Request) -> Response:
    folder, name = request.path_params["folder"], request.path_params["name"]
    place: Path = exports_folder(services().settings) / folder
    if not _DIGEST.fullmatch(folder) or not place.is_dir() or _is_foreign(request):
        return _nothing()
    path = next((file for file in place.iterdir() if file.name == name and file.is_file()), None)
    if path is None:
        return _nothing()
    return FileResponse(path, filename=name, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def _result(request: Request) -> Response:
    """Give the score table or the archive of a run that the studio keeps; an archive may be of any size."""
    from cadenza_core.challenge.kept import kept_run

    name = request.path_params["name"]
    run = kept_run(request.path_params["run"], services().settings)
    if run is None or _is_foreign(request):
        return _nothing()
    path = next((file for file in (run.table, run.archive()) if file and file.name == name and file.is_file()), None)
    if path is None:
        return _nothing()
    name = path.name if path.suffix == ".zip" else f"{run.name}-{path.name}"
    return FileResponse(path, filename=name, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def _hearing(request: Request) -> Response:
    """Give the numbers of simulated hearing for the audiogram in the query (in a thread: half a second the first time)."""
    if _is_foreign(request):
        return _nothing()
    try:
        numbers = hearing_numbers(request.query_params)
    except CadenzaError as error:
        return PlainTextResponse(str(error), status_code=400)
    return JSONResponse(numbers, headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})


def _tags(request: Request) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]


def _is_foreign(request: Request) -> bool:
    """Tell whether a page of another site asks; browsers say so themselves."""
    return request.headers.get("sec-fetch-site", "none") in {"cross-site", "same-site"}


def _nothing() -> Response:
    return PlainTextResponse("Nothing here.", status_code=404)
