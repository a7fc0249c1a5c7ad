"""Who asks: nobody in particular on this machine alone, or somebody who has signed in by Streamlit's OIDC login.

Sign-in is on if Streamlit's ``.streamlit/secrets.toml`` has a section ``[auth]``. Pages know the person from `st.user`; our
routes read the same signed cookie by Streamlit's own functions, and whatever is wrong with it means: nobody. Without
sign-in the server answers this machine only, by its own names: not what another machine sends, nor a page that reaches it
under another name (DNS rebinding). ``CADENZA_TRUST_NETWORK=1`` lifts that, for a container or a proxy that asks who it is.
"""

import functools
import ipaddress
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import HTTPConnection
from starlette.types import Scope
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cadenza_core.errors import CadenzaError
from cadenza_core.people import LOCAL, Person, Role, read_roles, role_of
from cadenza_core.settings import Settings

__all__ = ["announce", "from_this_machine", "is_researcher", "person", "person_of", "providers", "sign_in_is_on"]

_LOG = logging.getLogger(__name__)
_NOBODY = None
_TRUST = "CADENZA_TRUST_NETWORK"
_OURS = {"localhost", "testserver"}


@functools.cache
def sign_in_is_on() -> bool:
    """Whether people sign in: whether Streamlit is told of a provider."""
    from streamlit.auth_util import get_secrets_auth_section

    return bool(get_secrets_auth_section())


def person() -> Person | None:
    """Give who looks at the page; None: nobody has signed in. Outside of a page, it is the one user."""
    if not sign_in_is_on() or get_script_run_ctx() is None:
        return LOCAL
    return _known(st.user.to_dict()) if st.user.is_logged_in else _NOBODY


def is_researcher() -> bool:
    """Whether who looks at the page may add, compute and take away; others listen."""
    who = person()
    return who is not None and who.role >= Role.RESEARCHER


def providers() -> list[str]:
    """Give the names of the providers that people can sign in with; an empty name is the only one."""
    section: Mapping[str, Any] = st.secrets["auth"]
    return [name for name, value in section.items() if isinstance(value, Mapping) and "client_id" in value] or [""]


def person_of(scope: Scope) -> Person | None:
    """Give who sends a request, by Streamlit's cookie; None: nobody that is known."""
    if not sign_in_is_on():
        return LOCAL
    try:
        from streamlit.auth_util import get_cookie_with_chunks, get_origin_from_redirect_uri
        from streamlit.web.server.server_util import get_cookie_secret
        from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
        from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

        cookies, secret = HTTPConnection(scope).cookies, get_cookie_secret()

        def single(name: str) -> bytes | None:
            text = cookies.get(name)
            return decode_signed_value(secret, name, text.encode("latin-1")) if text else None

        content = get_cookie_with_chunks(single, USER_COOKIE_NAME)
        user = json.loads(content) if secret and content else {}
        if not user.get("is_logged_in") or user.get("origin") != get_origin_from_redirect_uri():
            return _NOBODY
        return _known(user)
    except Exception:  # whatever it is: who cannot be told is not let in
        _LOG.exception("a sign-in cookie could not be read")
        return _NOBODY


def _known(user: Mapping[str, Any]) -> Person:
    """Give the person of a provider's facts. An address that the provider has not verified has no role of its own."""
    address = str(user.get("email") or "")
    unsure = not address or user.get("email_verified") is False
    identity = f"{user.get('iss', '')}#{user.get('sub', '')}" if unsure else address.casefold()
    name = str(user.get("name") or address or "somebody")
    try:
        role = Role.VIEWER if unsure else role_of(address, _roles())
    except CadenzaError:
        _LOG.exception("the roles cannot be read: everybody is a viewer")
        role = Role.VIEWER
    return Person(identity, role, name)


def _roles() -> Mapping[str, Role]:
    home = _home()
    try:
        changed = (home / "people.toml").stat().st_mtime_ns
    except OSError:
        return {}
    return _roles_at(home, changed)


@functools.lru_cache(maxsize=1)
def _roles_at(home: Path, _: int) -> Mapping[str, Role]:
    return read_roles(home)


@functools.cache
def _home() -> Path:
    return Settings.load().home


def from_this_machine(scope: Scope) -> bool:
    """Whether a request may be answered without sign-in: from this machine, and to it by one of its own names."""
    if sign_in_is_on() or os.environ.get(_TRUST) == "1":
        return True
    client = scope.get("client")
    host = HTTPConnection(scope).headers.get("host", "localhost")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return (client is None or _is_loopback(client[0])) and (name.lower() in _OURS or _is_loopback(name))


def _is_loopback(address: str) -> bool:
    if address in _OURS:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def announce() -> str:
    """Say who can use this server.

    Raises
    ------
    CadenzaError
        If it shall sign people in and cannot, or would listen to other machines without.
    """
    if sign_in_is_on():
        from streamlit.auth_util import is_authlib_installed

        if not is_authlib_installed():
            raise CadenzaError("Sign-in is set up, but Authlib is missing: pip install 'cadenza-studio[auth]'.")
        read_roles(_home())
        return f"People sign in; {_home() / 'people.toml'} says who may do what."
    address = str(st.get_option("server.address") or "")
    if os.environ.get(_TRUST) == "1":
        return f"{_TRUST} is set: whoever reaches this server may use everything. Let nobody reach it who should not."
    if address not in _OURS and not _is_loopback(address):
        raise CadenzaError(
            f"Without sign-in the studio listens to this machine only, not to {address or 'all addresses'}. Start it without "
            f"--server.address, set up sign-in (docs/sharing.md), or set {_TRUST}=1 if a proxy asks who people are."
        )
    return "The studio listens to this machine only, and nobody is asked to sign in."
