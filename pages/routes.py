"""Our own routes beside Streamlit's: the mixer's files and numbers, sounds, peaks, levels, what was exported; and the pages
of listening tests, which their participants see instead of the studio.

A sound is asked for by the digest it is stored under and by its name, and both must be known: see
`cadenza_core.playback`. Nothing else on the disk can be reached. Pages of other sites get nothing. Where people sign in,
each address asks for a role, and one that is not in the list for the highest.
"""

import functools
import hashlib
import re
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cadenza_core.errors import CadenzaError
from cadenza_core.listening.web import ASSETS as PAGES_ASSETS
from cadenza_core.listening.web import LISTEN_URL, SoundResponse, participant_routes
from cadenza_core.people import Role
from cadenza_core.playback import levels_file

from .access import from_this_machine, person_of
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
#: Who may ask for what: all of our addresses, and Streamlit's for files. Assets and the front page are for everybody, and
#: a listening test for whoever has a link to it.
_ROLES: dict[str, Role | None] = {
    "assets": None,
    "audio": Role.VIEWER,
    "peaks": Role.VIEWER,
    "levels": Role.VIEWER,
    HEARING_URL.split("/")[1]: Role.VIEWER,
    "media": Role.VIEWER,
    LISTEN_URL.strip("/"): None,
}
_FOLDERS["/assets/listen"] = PAGES_ASSETS / "listen"
_DIGEST = re.compile("[0-9a-f]{32}")


class Edge:
    """What holds for every answer of the server.

    Without sign-in, only this machine is answered; with it, our addresses and Streamlit's files are for those who may have
    them. Addresses of ours with ``..`` in them, however it is written, are answered 404. Every answer says what a browser may
    do with it. The studio's page tells the browser to fetch the mixer's modules at once, while the server prepares what they
    will show.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._ours = {route.path.split("/")[1] for route in routes()} | {"media"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or not."""
        if scope["type"] == "websocket" and not from_this_machine(scope):
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            refusal = self._refusal(scope)
            await (refusal or self.app)(scope, receive, functools.partial(_with_headers, scope, send))

    def _refusal(self, scope: Scope) -> Response | None:
        if not from_this_machine(scope):
            return PlainTextResponse("This studio answers the machine that it runs on, nobody else.", status_code=403)
        parts = scope.get("path", "").replace("\\", "/").split("/")
        if parts[1:3] == ["_stcore", "upload_file"]:
            needed: Role | None = Role.RESEARCHER
        elif len(parts) > 1 and parts[1] in self._ours:
            if ".." in parts:
                return _nothing()
            needed = _ROLES.get(parts[1], Role.RESEARCHER)
        else:
            return None
        if needed is None:
            return None
        who = person_of(scope)
        if who is None:
            return PlainTextResponse("Sign in first.", status_code=401)
        return None if who.role >= needed else PlainTextResponse("This is not for you.", status_code=403)


#: Of every answer: no guessing of types, no frames of other sites, no address of ours told to them, no camera.
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
#: Of pages: everything comes from this server. Streamlit has scripts and styles in its page, and makes some of its own.
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob: {sockets}; frame-src 'self' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
#: Of all else of ours: it is data, and runs nothing if somebody opens it.
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]{1,255}")


async def _with_headers(scope: Scope, send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        headers = MutableHeaders(scope=message)
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        first = scope.get("path", "").split("/")[1:2]
        if "content-security-policy" in headers:  # a listening test's: it has its own, and no mixer
            pass
        elif headers.get("content-type", "").startswith("text/html"):
            if not first or not first[0]:
                headers["link"] = _preload()
            host = Headers(scope=scope).get("host", "")
            sockets = f"ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
            headers["content-security-policy"] = _PAGE_POLICY.format(sockets=sockets)
        elif first and first[0] in _ROLES and first[0] not in {"assets", "media"}:
            headers["content-security-policy"] = _DATA_POLICY
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
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
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
    headers = {"Cache-Control": _FOREVER}
    return FileResponse(path, media_type="application/octet-stream", headers=headers)


def _file(request: Request, file: str) -> Response:
    set_id: str = request.path_params["set_id"]
    path = services().sounds.path(set_id, file)
    if path is None or _is_foreign(request):
        return _nothing()
    tag = f'"{set_id}-{file}"'
    headers = {"ETag": tag, "Cache-Control": _FOREVER}
    if tag in _tags(request):
        return Response(status_code=304, headers=headers)
    return SoundResponse(path, media_type=_TYPES[path.suffix], headers=headers)


def _export(request: Request) -> Response:
    folder, name = request.path_params["folder"], request.path_params["name"]
    place: Path = services().settings.exports / folder
    if not _DIGEST.fullmatch(folder) or not place.is_dir() or _is_foreign(request):
        return _nothing()
    path = next((file for file in place.iterdir() if file.name == name and file.is_file()), None)
    if path is None:
        return _nothing()
    return FileResponse(path, filename=name, headers={"Cache-Control": "no-store"})


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
    return FileResponse(path, filename=name, headers={"Cache-Control": "no-store"})


def _hearing(request: Request) -> Response:
    """Give the numbers of simulated hearing for the audiogram in the query (in a thread: half a second the first time)."""
    if _is_foreign(request):
        return _nothing()
    try:
        numbers = hearing_numbers(request.query_params)
    except CadenzaError as error:
        return PlainTextResponse(str(error), status_code=400)
    return JSONResponse(numbers, headers={"Cache-Control": "no-cache"})


def _tags(request: Request) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]


def _is_foreign(request: Request) -> bool:
    """Tell whether a page of another site asks; browsers say so themselves."""
    return request.headers.get("sec-fetch-site", "none") in {"cross-site", "same-site"}


def _nothing() -> Response:
    return PlainTextResponse("Nothing here.", status_code=404)
