"""Who uses a server that several people share: their roles, and the folder that is each one's own.

Without sign-in there is one user, who may do everything and whose own folder is the home itself. With sign-in, ``people.toml``
in the home says who is what::

    "ana@example.org" = "researcher"
    "*@example.org" = "participant"

The first line that fits counts, exact addresses before patterns (``*``, ``?``); who fits none is a viewer. What a person
uploads, types in or saves lies in ``<home>/people/<digest>``, unless it is shared, which means: kept in the home.
"""

import enum
import fnmatch
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import CadenzaError

__all__ = ["LOCAL", "Person", "Role", "read_roles", "role_of"]

_FILE = "people.toml"
_FORM = 'It holds lines such as "ana@example.org" = "researcher"'


class Role(enum.IntEnum):
    """What somebody may do; each may do what those before may.

    A viewer opens links and listens. A participant takes part in listening tests. A researcher uses all pages.
    """

    VIEWER = 1
    PARTICIPANT = 2
    RESEARCHER = 3


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in; `id` is empty for the one user of a server without sign-in."""

    id: str
    role: Role
    name: str = ""

    @property
    def digest(self) -> str:
        """What names this person's folder: nothing of the address is part of a path."""
        return hashlib.sha256(self.id.encode("utf-8", "surrogatepass")).hexdigest()[:24] if self.id else ""


#: The one user of a server without sign-in.
LOCAL = Person("", Role.RESEARCHER)


def read_roles(home: Path) -> Mapping[str, Role]:
    """Read ``people.toml``; a file that is not there names nobody.

    Raises
    ------
    CadenzaError
        If it is no TOML of that form, or names a role that there is not.
    """
    path = home / _FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise CadenzaError(f"{path} cannot be read: {error}. {_FORM}.") from error
    roles = {}
    for who, role in content.items():
        if not isinstance(role, str) or role.upper() not in Role.__members__:
            accepted = ", ".join(name.lower() for name in Role.__members__)
            raise CadenzaError(f"{path}: the role of {who!r} is {role!r}; {accepted} are accepted.")
        roles[who] = Role[role.upper()]
    return roles


def role_of(address: str, roles: Mapping[str, Role]) -> Role:
    """Give the role of an e-mail address; capital letters do not count."""
    wanted = address.casefold()
    exact = next((role for who, role in roles.items() if who.casefold() == wanted), None)
    if exact is not None:
        return exact
    patterns = (role for who, role in roles.items() if fnmatch.fnmatchcase(wanted, who.casefold()))
    return next(patterns, Role.VIEWER)
