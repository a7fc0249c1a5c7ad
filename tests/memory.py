"""How much memory something takes, measured where nothing else allocates."""

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def peak_memory(function: Callable[..., object], *arguments: object) -> int:
    """Give the most memory that a call holds at a time, bytes, without what an earlier call has loaded.

    It is made in a process of its own: threads that other tests left behind would be counted with it. The function stands
    at the top of its module, so that the process finds it.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak, function, *arguments).result()


def _peak(function: Callable[..., object], *arguments: object) -> int:
    function(*arguments)
    tracemalloc.start()
    function(*arguments)
    return tracemalloc.get_traced_memory()[1]
