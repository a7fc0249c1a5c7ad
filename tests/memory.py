"""How much memory something takes, measured where nothing else allocates."""

import os
import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable


def peak_memory(function: Callable[..., object], *arguments: object) -> int:
    """Give the most memory that a call holds at a time, bytes, without what an earlier call has loaded.

    It is made in a process of its own: threads that other tests left behind would be counted with it. The function stands
    at the top of its module, so that the process finds it.
    """
    done = subprocess.run(
        [sys.executable, "-c", "from tests.memory import measure; measure()"],
        input=pickle.dumps((function, arguments)),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    return int(done.stdout)


def measure() -> None:
    """Print the peak of the call that comes on standard input."""
    function, arguments = pickle.load(sys.stdin.buffer)
    function(*arguments)
    tracemalloc.start()
    function(*arguments)
    print(tracemalloc.get_traced_memory()[1])
