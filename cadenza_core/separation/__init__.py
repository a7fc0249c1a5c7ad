"""Song to stems: one interface, a registry of systems, a cache of results.

Importing this package registers the systems; none of them loads anything before it is asked to
separate. A user's own checkpoints join them by `load_local`.
"""

from . import demucs, hdemucs, ideal_mask, lass, openunmix, preview, reference
from .base import Separator, SystemInfo, register
from .cache import Cache, CacheEntry
from .local import load_local, local_names, register_local, remove_local
from .run import Separation, get_system, separate, systems

__all__ = [
    "Cache",
    "CacheEntry",
    "Separation",
    "Separator",
    "SystemInfo",
    "demucs",
    "get_system",
    "hdemucs",
    "ideal_mask",
    "lass",
    "load_local",
    "local_names",
    "openunmix",
    "preview",
    "reference",
    "register",
    "register_local",
    "remove_local",
    "separate",
    "systems",
]
