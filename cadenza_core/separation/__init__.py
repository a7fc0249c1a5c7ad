"""Song to stems: one interface, a registry of systems, a cache of results.

Importing this package registers the systems; none of them loads anything before it is asked to separate.
"""

from . import reference
from .base import Separator, SystemInfo, register
from .cache import Cache, CacheEntry
from .run import Separation, get_system, separate, systems

__all__ = [
    "Cache",
    "CacheEntry",
    "Separation",
    "Separator",
    "SystemInfo",
    "get_system",
    "reference",
    "register",
    "separate",
    "systems",
]
